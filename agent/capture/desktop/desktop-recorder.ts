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
import type { ScreenEncoder } from './screen-encoder.ts'
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
  readonly #block = new UpdateBlock()
  readonly #pace = new Pace()
  readonly #encoder: ScreenEncoder
  #follower: ScreenFollower | undefined
  #endReason: EndReason | undefined
  #watched = false

  constructor(options: RecordDesktopOptions) {
    this.#options = options
    const emit = async () => this.#follower?.emit()
    this.#encoder = options.lossy
      ? new LossyEncoder(options.lossy, this.#block, emit)
      : new LosslessEncoder(this.#block, emit)
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
    const { source, facts } = this.#options
    try {
      const stream = await ScreenStream.open(this.#options)
      if (!stream) return 'exit'
      const clockMs = Date.now() - facts.startedMs - performance.now()
      const recorded: Recorded = {
        stream,
        encoder: this.#encoder,
        block: this.#block,
        pace: this.#pace,
        loadShare: this.#options.loadShare ?? hostLoadShare,
        nowUs: () => Math.max(0, Math.round((clockMs + performance.now()) * 1000)),
      }
      try {
        const failure = await this.#record(recorded)
        await stream.leave()
        if (stream.isEmpty && failure) throw failure
        const reason = this.#endReason ?? (failure && 'exit')
        if (reason && !stream.isEmpty) await stream.end(reason)
        return reason
      } finally {
        stream.close()
      }
    } finally {
      await source.close()
    }
  }

  // Resolves with the last failure when the server is gone for good, without one when leaving.
  async #record(recorded: Recorded): Promise<Error | undefined> {
    const { signal } = this.#leaving
    const backoff = new Backoff(retryMsMin, retryMsMax)
    let reachedMs = performance.now()
    let told: string | undefined
    while (!signal.aborted) {
      try {
        await this.#follow(recorded)
      } catch (error) {
        if (!(error instanceof DesktopError || error instanceof FormatError)) throw error
        if (signal.aborted) break
        if (error.code !== told) this.#tell(error)
        told = error.code
        if (error.code !== 'unreachable') reachedMs = performance.now()
        else if (performance.now() - reachedMs > goneMs) return error
        if (error.code === 'lost') backoff.reset()
      }
      await recorded.stream.leave()
      await sleep(backoff.next(), undefined, { signal }).catch(() => undefined)
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
