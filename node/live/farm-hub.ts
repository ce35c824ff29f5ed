import { textOf, utf8 } from '../../format/bytes.ts'
import type { StreamName } from '../../format/records.ts'
import type { Bus } from '../bus/bus.ts'
import type { Questions } from '../bus/questions.ts'
import { type LiveHub, type LiveState, openLiveHub } from './live-hub.ts'

// Live streams over all processes of a farm. Who has viewers says so on the bus, again and again while it has them; who
// holds the agent then sends what comes in there too, and its agent flushes at once. When the bus is away viewers see what
// the file has.
//
//   watch          JSON: recording, stream, on
//   live.<stream>  0, offset u64 BE, bytes   |   1, JSON of a state

/** A viewer's process that went away without a word is forgotten after two and a half of these. */
const repeatMs = 10_000
const forgetMs = 2.5 * repeatMs
const bytesMark = 0
const stateMark = 1
/** One answer of bytes; more is asked again. */
export const bytesElsewhereMax = 256 * 1024

export interface FarmHub extends LiveHub {
  /** State of a stream whose agent is connected to another process of the farm. */
  elsewhere(recording: string, stream: StreamName): Promise<LiveState | undefined>
  /** Bytes from `from` on, at most `bytesElsewhereMax` and to `to`, as their holder reads them: a share may show this node less. */
  bytesElsewhere(
    recording: string,
    stream: StreamName,
    from: number,
    to: number,
  ): Promise<Uint8Array | undefined>
  close(): void
}

/** `read` = the bytes of a stream that is held here. */
export function openFarmHub(
  bus: Bus,
  questions: Questions,
  read: (recording: string, stream: StreamName, from: number, to: number) => Promise<Uint8Array>,
): FarmHub {
  const local = openLiveHub()
  /** Processes that watch a stream, and until when they count. */
  const remote = new Map<string, Map<string, number>>()
  const watchedHere = new Map<string, () => void>()
  const name = (recording: string, stream: StreamName) => `${recording}/${stream}`
  const parts = (key: string): [string, StreamName] => {
    const at = key.lastIndexOf('/')
    return [key.slice(0, at), key.slice(at + 1) as StreamName]
  }
  const say = (key: string, on: boolean) => {
    const [recording, stream] = parts(key)
    bus.publish('watch', utf8(JSON.stringify({ recording, stream, on })))
  }

  const stopHearing = bus.subscribe('watch', (payload, from) => {
    const { recording, stream, on } = JSON.parse(textOf(payload) ?? '{}') as {
      recording: string
      stream: StreamName
      on: boolean
    }
    const key = name(recording, stream)
    const watchers = remote.get(key) ?? new Map<string, number>()
    if (on) {
      remote.set(key, watchers.set(from, Date.now() + forgetMs))
      local.setWatchedElsewhere(recording, stream, true)
    } else if (watchers.delete(from)) forget(key)
  })
  const forget = (key: string) => {
    if ((remote.get(key)?.size ?? 0) > 0) return
    remote.delete(key)
    local.setWatchedElsewhere(...parts(key), false)
  }
  const timer = setInterval(() => {
    for (const key of watchedHere.keys()) say(key, true)
    for (const [key, watchers] of remote) {
      for (const [from, until] of watchers) if (until < Date.now()) watchers.delete(from)
      forget(key)
    }
  }, repeatMs)

  // While somebody here watches, what another process publishes is delivered here.
  const stopWatching = local.onWatchedHere((recording, stream, on) => {
    const key = name(recording, stream)
    if (!on) {
      watchedHere.get(key)?.()
      watchedHere.delete(key)
      say(key, false)
      return
    }
    const stop = bus.subscribe(`live.${key}`, (payload) => {
      const mark = payload[0]
      if (mark === stateMark)
        local.deliverState(recording, stream, JSON.parse(textOf(payload.subarray(1)) ?? '{}') as LiveState)
      else if (mark === bytesMark) {
        const view = new DataView(payload.buffer, payload.byteOffset)
        local.deliver(recording, stream, Number(view.getBigUint64(1)), payload.subarray(9))
      }
    })
    watchedHere.set(key, stop)
    say(key, true)
  })

  const known = (question: unknown) => {
    const { recording, stream } = question as { recording: string; stream: StreamName }
    return local.current(recording, stream)
  }
  questions.answer('state', (question) => {
    const state = known(question)
    return state && utf8(JSON.stringify(state))
  })
  questions.answer('bytes', async (question) => {
    const state = known(question)
    const { recording, stream, from, to } = question as Record<'recording', string> & {
      stream: StreamName
      from: number
      to: number
    }
    return (
      state && (await read(recording, stream, from, Math.min(to, from + bytesElsewhereMax, state.sizeBytes)))
    )
  })

  return {
    ...local,
    publish(recording, stream, offset, bytes) {
      local.publish(recording, stream, offset, bytes)
      const key = name(recording, stream)
      if (!remote.has(key)) return
      const message = new Uint8Array(9 + bytes.length)
      new DataView(message.buffer).setBigUint64(1, BigInt(offset))
      message.set(bytes, 9)
      bus.publish(`live.${key}`, message)
    },
    state(recording, stream, state) {
      local.state(recording, stream, state)
      const json = utf8(JSON.stringify(state))
      const message = new Uint8Array(1 + json.length)
      message[0] = stateMark
      message.set(json, 1)
      // To whoever listens: the end of a stream is worth a message.
      bus.publish(`live.${name(recording, stream)}`, message)
    },
    async elsewhere(recording, stream) {
      const answer = await questions.ask('state', { recording, stream })
      return answer && (JSON.parse(textOf(answer) ?? 'null') as LiveState)
    },
    bytesElsewhere: (recording, stream, from, to) => questions.ask('bytes', { recording, stream, from, to }),
    close() {
      clearInterval(timer)
      stopHearing()
      stopWatching()
      for (const stop of watchedHere.values()) stop()
    },
  }
}
