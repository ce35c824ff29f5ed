import { type FSWatcher, watch } from 'node:fs'
import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Crypto, Signer } from '../../format/ports.ts'
import type { EndReason, SourcePosition } from '../../format/records.ts'
import { StreamWriter } from '../../format/stream-writer.ts'
import { encodeEvent, encodeHeader } from '../../format/timeline.ts'
import type { AgentLog } from '../log.ts'
import { recoverStream } from '../queue/recover-stream.ts'
import type { SpooledRecording } from '../queue/spooled-recording.ts'
import { LogFollower, type LogItem } from './log-follower.ts'
import { punchBytesMin, punchLogs } from './punch-hole.ts'
import { bootId, recorderAlive } from './recorder-alive.ts'
import { frameRawBytesMax, StreamRecorder } from './stream-recorder.ts'
import { TimelineEncoder } from './timeline-encoder.ts'
import { DamagedLogError } from './timing-log.ts'

// One recorded session, from its recorder's logs into the queue. Whatever fails, what is durable is read back from the
// disk and the logs are read again from there: a restarted agent, a full disk and a first start are one way.
//
//   recover ──▶ follow ── exit, dead recorder, lost logs ──▶ ended
//      ▲           │
//      └─ error ───┘

/** Between two looks at the logs while nobody watches: the logs wait in memory, so this only bounds how much. */
const lookMs = 250
/** The same once nothing has come for a while; 50 quiet sessions then cost 100 system calls a second. */
const quietLookMs = 500
/** RECORDING.md: flushing seldom is what makes typing small. */
const flushMs = 2000
/** While watched, as often as a screen shows a difference. */
const watchedFlushMs = 25
/** Logs that are short for this long and do not grow have lost bytes to a full disk. */
const floodQuietMs = 2000
const retryMs = 1000

export interface SessionRecorderOptions {
  dir: string
  spooled: SpooledRecording
  signer: Signer
  crypto: Crypto
  certificate: string
  farmKey: Uint8Array
  log: AgentLog
}

export class SessionRecorder {
  readonly #options: SessionRecorderOptions
  readonly #closing = new AbortController()
  #wake = new AbortController()
  #watched = false
  #watcher: FSWatcher | undefined
  #running: Promise<void> | undefined

  constructor(options: SessionRecorderOptions) {
    this.#options = options
  }

  get spooled(): SpooledRecording {
    return this.#options.spooled
  }

  /** Resolves when the session has ended and its END is durable, or when closed. Never rejects. */
  run(): Promise<void> {
    this.#running ??= this.#run()
    return this.#running
  }

  /** Somebody watches: what comes is made sendable at once. */
  setWatched(watched: boolean): void {
    if (watched === this.#watched) return
    this.#watched = watched
    this.#watcher?.close()
    this.#watcher = undefined
    if (watched) {
      this.#watcher = watch(this.#options.dir, () => this.#wake.abort())
      // Without it the logs are looked at as often as for anybody else.
      this.#watcher.on('error', () => undefined)
    }
    this.#wake.abort()
  }

  /** Stops following; the recorder's logs keep what comes until an agent is back. */
  async close(): Promise<void> {
    this.#closing.abort()
    this.setWatched(false)
    this.#wake.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { log, spooled, dir } = this.#options
    while (!this.#closing.signal.aborted) {
      try {
        if (await this.#record()) {
          this.setWatched(false)
          await rm(dir, { recursive: true, force: true })
          return
        }
      } catch (error) {
        log.error(
          { code: 'record-failed', recording: spooled.recording, error: (error as Error).message },
          'recording is retried',
        )
        await sleep(retryMs, undefined, { signal: this.#closing.signal }).catch(() => undefined)
      }
    }
  }

  // True when the stream has its END.
  async #record(): Promise<boolean> {
    const { spooled, signer, crypto, certificate, farmKey } = this.#options
    const { recording, session, state } = spooled.record
    if (spooled.record.endSize !== undefined) return true
    const writer = new StreamWriter({
      recording,
      stream: 'cast',
      signer,
      sha256: crypto.sha256,
      certificate,
      facts: session.facts,
      state,
    })
    if (await recoverStream(spooled, writer, spooled.acknowledged(farmKey, crypto))) return true
    const stream = new StreamRecorder({ spooled, signer, crypto, certificate })
    try {
      return await this.#follow(stream)
    } finally {
      stream.close()
    }
  }

  async #follow(stream: StreamRecorder): Promise<boolean> {
    const { dir, spooled, log } = this.#options
    const { resume, session } = spooled.record
    let logs: LogFollower
    try {
      logs = await LogFollower.open(dir, resume?.source)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      return this.#endLost(stream)
    }
    try {
      if (resume && !(await logs.skip(resume.outputBytes, resume.resizes))) {
        log.warn(
          { code: 'logs-behind', recording: spooled.recording },
          "the recorder's logs end before what is recorded",
        )
        if (!(await recorderAlive(session))) return this.#endLost(stream)
      }
      return await this.#followLogs(stream, logs)
    } catch (error) {
      if (!(error instanceof DamagedLogError)) throw error
      log.warn(
        { code: error.code, recording: spooled.recording, error: error.message },
        "data lost: the recorder's logs are damaged",
      )
      return this.#endLost(stream)
    } finally {
      await logs.close()
    }
  }

  async #followLogs(stream: StreamRecorder, logs: LogFollower): Promise<boolean> {
    const { dir, spooled } = this.#options
    const { session } = spooled.record
    const encoder = new TimelineEncoder()
    let punched = 0
    let flushedMs = 0
    let quietSinceMs = Date.now()
    let shortSinceMs: number | undefined
    if (stream.writer.frame === 0 && stream.rawBytes === 0) await this.#begin(stream, logs.position)
    while (!this.#closing.signal.aborted) {
      const before = logs.position
      const alive = Date.now() - quietSinceMs < quietLookMs || (await recorderAlive(session))
      const { items, short } = await logs.next(Math.max(64 * 1024, frameRawBytesMax - stream.rawBytes))
      const exit = items.find((item) => item.kind === 'exit')
      await this.#write(stream, encoder, items, { before, after: logs.position })
      const nowMs = Date.now()
      if (items.length > 0) quietSinceMs = nowMs
      if (exit) return this.#end(stream, encoder, logs, 'exit', exit.code)
      if (!short) shortSinceMs = undefined
      else if (items.length > 0 || shortSinceMs === undefined) shortSinceMs = nowMs
      if (shortSinceMs !== undefined && (nowMs - shortSinceMs >= floodQuietMs || !alive)) {
        await this.#gapFlood(stream, encoder, logs)
        shortSinceMs = undefined
        continue
      }
      if (items.length === 0 && !alive && !short) return this.#endDead(stream, encoder, logs)
      if (stream.frameIsFull(nowMs) && !encoder.holds) {
        await stream.seal()
        flushedMs = nowMs
        const { out } = logs.position
        if (out - punched >= punchBytesMin) {
          punched = out
          await punchLogs(dir, logs.position)
        }
      } else if (stream.isDirty && (this.#watched || nowMs - flushedMs >= flushMs)) {
        await stream.flush()
        flushedMs = nowMs
      }
      if (items.length === 0 || this.#watched) await this.#rest(nowMs - quietSinceMs > 5000)
    }
    await stream.flush()
    return false
  }

  // The header and the first event go out at once: the recording is listed while its session still shows a prompt.
  async #begin(stream: StreamRecorder, position: SourcePosition): Promise<void> {
    const { facts } = this.#options.spooled.record.session
    const { columns, rows, startedMs, command, term } = facts
    const header = {
      version: 2,
      width: columns,
      height: rows,
      timestamp: Math.floor(startedMs / 1000),
      command,
      env: { TERM: term },
    } as const
    const event = encodeEvent(0, 'e', JSON.stringify({ kind: 'session-start', seq: 0, ...facts }))
    await stream.write([encodeHeader(header), event], { before: position, after: position }, 0, 0, Date.now())
    await stream.flush()
  }

  async #write(
    stream: StreamRecorder,
    encoder: TimelineEncoder,
    items: LogItem[],
    logs: { before: SourcePosition; after: SourcePosition },
  ) {
    const lines = encoder.encode(items)
    const first = items[0]
    if (lines.length === 0 || !first) return
    await stream.write(lines, logs, first.timeUs, items.at(-1)!.timeUs, Date.now())
  }

  async #end(
    stream: StreamRecorder,
    encoder: TimelineEncoder,
    logs: LogFollower,
    reason: EndReason,
    exit?: number,
  ): Promise<true> {
    const timeUs = Math.max(stream.endUs, logs.position.time)
    const held = encoder.finish(timeUs)
    if (held.length > 0)
      await stream.write(held, { before: logs.position, after: logs.position }, timeUs, timeUs, Date.now())
    await stream.end(reason, exit === undefined ? {} : { exit })
    return true
  }

  // The recorder was killed: what it wrote behind its last timing line was on the user's screen too.
  async #endDead(stream: StreamRecorder, encoder: TimelineEncoder, logs: LogFollower): Promise<true> {
    const { session } = this.#options.spooled.record
    const crashed = session.boot !== (await bootId())
    const before = logs.position
    const bytes = withoutTrailer(crashed ? withoutZeros(await logs.rest()) : await logs.rest())
    const timeUs = Math.max(stream.endUs, before.time)
    if (bytes.length > 0)
      await this.#write(stream, encoder, [{ kind: 'output', timeUs, bytes }], {
        before,
        after: logs.position,
      })
    if (!crashed) return this.#end(stream, encoder, logs, 'terminated')
    const held = encoder.finish(timeUs)
    if (held.length > 0)
      await stream.write(held, { before, after: logs.position }, timeUs, timeUs, Date.now())
    return this.#endLost(stream)
  }

  async #endLost(stream: StreamRecorder): Promise<true> {
    if (stream.writer.frame === 0 && stream.rawBytes === 0)
      await this.#begin(stream, { out: 0, timing: 0, time: 0 })
    await stream.gap(stream.endUs, stream.endUs, 'crash')
    await stream.end('lost')
    return true
  }

  async #gapFlood(stream: StreamRecorder, encoder: TimelineEncoder, logs: LogFollower): Promise<void> {
    const fromUs = stream.endUs
    const before = logs.position
    const held = encoder.finish(fromUs)
    if (held.length > 0) await stream.write(held, { before, after: before }, fromUs, fromUs, Date.now())
    const { lostBytes, timeUs } = await logs.realign()
    await stream.gap(fromUs, Math.max(fromUs, timeUs), 'flood', lostBytes, logs.position)
    this.#options.log.warn(
      { code: 'flood', recording: this.#options.spooled.recording, lostBytes },
      "data lost: the recorder's logs had no room",
    )
  }

  async #rest(quiet: boolean): Promise<void> {
    this.#wake = new AbortController()
    const waitMs = this.#watched ? watchedFlushMs : quiet ? quietLookMs : lookMs
    // While watched, a change wakes us; the pause keeps a flood of changes from becoming a flood of flushes.
    if (this.#watched) await sleep(watchedFlushMs)
    await sleep(this.#watched ? quietLookMs : waitMs, undefined, {
      signal: AbortSignal.any([this.#wake.signal, this.#closing.signal]),
    }).catch(() => undefined)
  }
}

// util-linux ends the output log with a line of its own, which no terminal saw.
function withoutTrailer(bytes: Uint8Array): Uint8Array {
  const at = Buffer.from(bytes).lastIndexOf('\nScript done on ')
  return at < 0 ? bytes : bytes.subarray(0, at)
}

function withoutZeros(bytes: Uint8Array): Uint8Array {
  let end = bytes.length
  while (end > 0 && bytes[end - 1] === 0) end -= 1
  return bytes.subarray(0, end)
}
