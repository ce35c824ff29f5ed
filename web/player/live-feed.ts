import type { StreamName } from '../../format/records.ts'

/** Reconnection waits, in ms: at once, then longer, with chance in it so that viewers do not come all together. */
const backoffMs = { first: 250, most: 10_000 }
const headerBytes = 8

/** The server closes so when the recording is complete and everything was sent. */
const closedComplete = 1000

export interface LiveFeedEvents {
  /** Where the stream is to go on: asked at every connection. */
  offset(): number
  /** Stream bytes in order, without holes. */
  bytes(offset: number, bytes: Uint8Array): void
  state(state: string, size: number): void
  connected(connected: boolean): void
  /** The recording is complete and all of it has come. */
  done(): void
  /** A connection did not come about. `true` = never try again. */
  refused(): Promise<boolean>
}

/** Stream bytes of a live recording as the server gets them; comes back by itself after a cut. Returns how to end it. */
export function openLiveFeed(recording: string, stream: StreamName, events: LiveFeedEvents): () => void {
  let socket: WebSocket | undefined
  let timer = 0
  let failures = 0
  let closed = false

  function connect(): void {
    let next = events.offset()
    let opened = false
    const url = new URL(`/api/recordings/${recording}/live?stream=${stream}&from=${next}`, location.href)
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
    socket = new WebSocket(url)
    socket.binaryType = 'arraybuffer'
    socket.onopen = () => {
      failures = 0
      opened = true
      events.connected(true)
    }
    socket.onmessage = ({ data }) => {
      if (typeof data === 'string') {
        const message = parse(data)
        if (message) events.state(message.state, message.size)
        return
      }
      const view = new DataView(data as ArrayBuffer)
      const offset = Number(view.getBigUint64(0))
      const skip = next - offset
      const size = view.byteLength - headerBytes
      if (skip < 0 || offset + size < next) {
        // A hole would be decoded as damage: ask again from where we are.
        if (skip < 0) socket?.close()
        return
      }
      events.bytes(next, new Uint8Array(data as ArrayBuffer, headerBytes + skip))
      next = offset + size
    }
    socket.onclose = async ({ code }) => {
      if (closed) return
      if (code === closedComplete) return events.done()
      events.connected(false)
      // A browser does not say why, so the server is asked.
      if (!opened && (await events.refused())) closed = true
      if (closed) return
      const most = Math.min(backoffMs.most, backoffMs.first * 2 ** failures++)
      timer = window.setTimeout(connect, Math.random() * most)
    }
  }
  connect()
  return () => {
    closed = true
    clearTimeout(timer)
    socket?.close()
  }
}

function parse(text: string): { state: string; size: number } | undefined {
  try {
    const message = JSON.parse(text) as { type?: unknown; state?: unknown; size?: unknown }
    if (message.type !== 'state' || typeof message.state !== 'string') return undefined
    return { state: message.state, size: Number(message.size) || 0 }
  } catch {
    return undefined
  }
}
