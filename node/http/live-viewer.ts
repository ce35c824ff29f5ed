import type { WebSocket } from 'ws'
import type { StreamName } from '../../format/records.ts'
import type { LiveHub, LiveState } from '../live/live-hub.ts'

// One viewer of one stream. What it has sent so far is one number; a push that begins exactly there goes out at once,
// and everything else — the past, a hole, what came while the viewer was slow — is read from the file. So there is no
// queue to bound, nothing is sent twice or left out, and ingest never waits for a viewer.

/** A viewer that has this much unread in its socket gets no pushes; the file keeps them. */
const bufferedBytesMax = 1024 * 1024
const pieceBytes = 256 * 1024
/** A viewer whose socket does not empty in this time is gone or hopeless. */
export const drainMsMax = 30_000
/** What no agent sends to this process is looked at this often: another one holds it, and the bus may be away. */
const lookMsDefault = 2000

export const closeCodes = { complete: 1000, goingAway: 1001, failed: 1011, slow: 4008, gone: 4004 } as const

export interface LiveSource {
  hub: LiveHub
  recording: string
  stream: StreamName
  /** Bytes [from, to) of the file; may end early. */
  read(from: number, to: number): AsyncIterable<Uint8Array>
  /** State of a recording that no agent has open here; asked again and again. */
  rest(): Promise<{ state: string; sizeBytes: number }>
}

export interface LiveViewer {
  close(code: number, reason: string): void
}

export function openLiveViewer(
  socket: WebSocket,
  source: LiveSource,
  from: number,
  options: { drainMs?: number; lookMs?: number; failed?: (error: unknown) => void } = {},
): LiveViewer {
  const { hub, recording, stream } = source
  let sent = from
  let target = from
  let state: LiveState['state'] | undefined
  let pumping = false
  let told: string | undefined
  let closed = false

  const stop = hub.subscribe(recording, stream, {
    bytes(offset, bytes) {
      target = Math.max(target, offset + bytes.length)
      if (!pumping && offset <= sent && socket.bufferedAmount < bufferedBytesMax) {
        if (offset + bytes.length > sent) send(bytes.subarray(sent - offset))
      } else void pump()
    },
    state(now) {
      state = now.state
      told = now.state
      target = Math.max(target, now.sizeBytes)
      tell(now.state, now.sizeBytes)
      void pump()
    },
  })

  const end = () => {
    closed = true
    clearInterval(timer)
    stop()
  }
  const close = (code: number, reason: string) => {
    if (closed) return
    end()
    socket.close(code, reason)
  }
  socket.on('close', end)
  socket.on('error', () => socket.terminate())

  // `bytes` are the publisher's: the message is a copy.
  const send = (bytes: Uint8Array) => {
    const message = Buffer.allocUnsafe(8 + bytes.length)
    message.writeBigUInt64BE(BigInt(sent))
    message.set(bytes, 8)
    sent += bytes.length
    socket.send(message)
  }
  const tell = (now: string, size: number) => {
    if (!closed) socket.send(JSON.stringify({ type: 'state', state: now, size }))
  }

  const drained = async () => {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const timer = setTimeout(() => resolve(false), options.drainMs ?? drainMsMax)
    // An empty ping is written behind everything else: its callback says that all of it has left.
    socket.ping(undefined, undefined, () => resolve(true))
    socket.once('close', () => resolve(true))
    const done = await promise
    clearTimeout(timer)
    return done
  }

  // Reads the file until it has caught up with what is known to be there.
  const pump = async () => {
    if (pumping || closed) return
    pumping = true
    try {
      while (!closed && sent < target) {
        const before = sent
        for await (const bytes of source.read(sent, target)) {
          for (let at = 0; at < bytes.length && !closed; at += pieceBytes)
            send(bytes.subarray(at, at + pieceBytes))
          if (closed) return
          if (socket.bufferedAmount >= bufferedBytesMax && !(await drained()))
            return close(closeCodes.slow, 'This viewer does not read.')
        }
        // The file is shorter than was said: its store was reopened. The agent sends the rest again.
        if (sent === before) break
      }
      if (state === 'complete' && sent >= target) close(closeCodes.complete, 'complete')
    } catch (error) {
      options.failed?.(error)
      close(closeCodes.failed, 'The store cannot be read now.')
    } finally {
      pumping = false
    }
  }

  let looking = false
  const look = async () => {
    if (looking) return
    looking = true
    try {
      await lookOnce()
    } catch (error) {
      options.failed?.(error)
      close(closeCodes.failed, 'The store cannot be read now.')
    } finally {
      looking = false
    }
  }
  const lookOnce = async () => {
    const now = hub.current(recording, stream) ?? (await source.rest())
    if (now.state !== told) tell(now.state, now.sizeBytes)
    told = now.state
    target = Math.max(target, now.sizeBytes)
    // Nothing more will come of what is complete.
    if (now.state === 'complete' || now.state === 'archived') state = 'complete'
    await pump()
  }
  // A look at a store that hangs is not joined by others: each would hold a thread.
  const timer = setInterval(() => {
    if (hub.current(recording, stream) === undefined) void look()
  }, options.lookMs ?? lookMsDefault)
  void look()
  return { close }
}
