import { setTimeout as sleep } from 'node:timers/promises'
import { UpdateBlock } from '../../../format/fbs.ts'
import { FormatError } from '../../../format/format-error.ts'
import type { EndReason } from '../../../format/records.ts'
import type { AgentLog } from '../../log.ts'
import { Backoff } from '../../uplink/backoff.ts'
import { DesktopError } from './desktop-error.ts'
import { hostLoadShare } from './host-load.ts'
import { LosslessEncoder } from './lossless-encoder.ts'
import { LossyEncoder, type LossyOptions } from './lossy-encoder.ts'
import { Pace } from './pace.ts'
import { type Recorded, ScreenFollower } from './screen-follower.ts'
import type { ScreenSource } from './screen-source.ts'
import { ScreenStream, type ScreenStreamOptions } from './screen-stream.ts'

// One desktop, from its RFB server into a sink.
//
//   recover ──▶ connect ──▶ follow ── stop ──▶ ended
//                 ▲  └─ gone for good ───────▶ ended
//                 └────────── lost ──┘
//
// What was on the screen while there was no connection is a GAP.

/** A server that cannot be reached for so long is not restarting: its session is over. */
const goneMs = 10_000
const retryMsMin = 250
const retryMsMax = 5000
/** What only somebody can mend is tried seldom: a server locks out who fails often, and its own users with him. */
const notMending = ['authentication', 'security', 'refused', 'version', 'no-rfb', 'password-file']
const notMendingMs = 10 * 60_000

export interface RecordDesktopOptions extends ScreenStreamOptions {
  source: ScreenSource
  log: AgentLog
  /** Lossless by default. */
  lossy?: LossyOptions
  /** The host's, by default. */
  loadShare?: () => Promise<number>
}

export interface DesktopRecorder {
  /** Resolves with how the stream ended, or `undefined` when it was left to go on later. Rejects when nothing could be recorded. */
  readonly done: Promise<EndReason | undefined>
  /** Somebody watches: every update is made sendable at once. */
  setWatched(watched: boolean): void
  /** Writes END. */
  stop(reason: EndReason): Promise<void>
  /** Leaves the stream at a boundary; the next call with this sink goes on in it. */
  close(): Promise<void>
}

export function recordDesktop(options: RecordDesktopOptions): DesktopRecorder {
  const recorder = new Recorder(options)
  const done = recorder.run()
  done.catch(() => undefined)
  const leave = async (reason?: EndReason) => {
    recorder.leave(reason)
    await done.catch(() => undefined)
  }
  return { done, setWatched: (watched) => recorder.setWatched(watched), stop: leave, close: () => leave() }
}

class Recorder {
  readonly #options: RecordDesktopOptions
  readonly #leaving = new AbortController()
  #follower: ScreenFollower | undefined
  #endReason: EndReason | undefined
  #watched = false

  constructor(options: RecordDesktopOptions) {
    this.#options = options
  }

  leave(reason: EndReason | undefined): void {
    this.#endReason ??= reason
    this.#leaving.abort()
  }

  setWatched(watched: boolean): void {
    this.#watched = watched
    if (this.#follower) this.#follower.watched = watched
  }

  async run(): Promise<EndReason | undefined> {
    const { source, log, recording } = this.#options
    const { signal } = this.#leaving
    try {
      while (true) {
        try {
          return await this.#record()
        } catch (error) {
          if (error instanceof DesktopError || signal.aborted) throw error
          log.error(
            { code: 'record-failed', recording, error: (error as Error).message },
            'recording is retried',
          )
          await sleep(retryMsMax, undefined, { signal }).catch(() => undefined)
        }
      }
    } finally {
      await source.close()
    }
  }

  // From what is durable to the end, or to leaving. Throws DesktopError when there is nothing to record.
  async #record(): Promise<EndReason | undefined> {
    const { facts, lossy, loadShare = hostLoadShare } = this.#options
    const stream = await ScreenStream.open(this.#options)
    if (!stream) return 'exit'
    const clockMs = Date.now() - facts.startedMs - performance.now()
    const block = new UpdateBlock()
    const emit = async () => this.#follower?.emit()
    try {
      const failure = await this.#connectAndFollow({
        stream,
        block,
        encoder: lossy ? new LossyEncoder(lossy, block, emit) : new LosslessEncoder(block, emit),
        pace: new Pace(),
        loadShare,
        // A wall clock that was set back meanwhile takes no time back.
        nowUs: () => Math.max(stream.endUs, Math.round((clockMs + performance.now()) * 1000)),
      })
      await stream.leave()
      if (stream.isEmpty && failure) throw failure
      const reason = this.#endReason ?? (failure && 'exit')
      if (reason && !stream.isEmpty) await stream.end(reason)
      return reason
    } finally {
      stream.close()
    }
  }

  // Resolves with the last failure when the server is gone for good, without one when leaving.
  async #connectAndFollow(recorded: Recorded): Promise<DesktopError | undefined> {
    const { signal } = this.#leaving
    const backoff = new Backoff(retryMsMin, retryMsMax)
    let reachedMs = performance.now()
    let told: string | undefined
    while (!signal.aborted) {
      let waitMs = backoff.next()
      try {
        await this.#follow(recorded)
      } catch (error) {
        if (!isOfServer(error)) throw error
        if (signal.aborted) break
        if (error.code !== told) this.#tell(error)
        told = error.code
        if (error.code !== 'unreachable') reachedMs = performance.now()
        else if (performance.now() - reachedMs > goneMs) return error as DesktopError
        if (error.code === 'lost') backoff.reset()
        if (notMending.includes(error.code)) waitMs = notMendingMs
      }
      await recorded.stream.leave()
      await sleep(waitMs, undefined, { signal }).catch(() => undefined)
    }
    return undefined
  }

  async #follow(recorded: Recorded): Promise<void> {
    const { signal } = this.#leaving
    const { stream, encoder, block } = recorded
    const connection = await this.#options.source.open(encoder.encodings, signal)
    this.#follower = new ScreenFollower(connection, recorded, signal)
    this.#follower.watched = this.#watched
    try {
      if (!stream.isEmpty) await stream.gap(stream.endUs, recorded.nowUs(), 'crash')
      await this.#follower.follow()
    } finally {
      connection.close()
      encoder.drop()
      if (!block.isEmpty && stream.isOpen) await this.#follower.emit()
      this.#follower = undefined
    }
  }

  #tell(error: DesktopError | FormatError): void {
    const { log, recording } = this.#options
    log.warn(
      { code: error.code, recording, error: error.message, hint: error.hint },
      'the screen is not recorded now',
    )
  }
}

/** The server's doing, or that of whoever is between; everything else is ours, or the disk's. */
function isOfServer(error: unknown): error is DesktopError | FormatError {
  return error instanceof DesktopError || (error instanceof FormatError && error.code.startsWith('rfb-'))
}
