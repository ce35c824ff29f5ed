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
import type { ScreenTimeline } from './screen-timeline.ts'

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
const notMending = [
  'authentication',
  'security',
  'refused',
  'version',
  'no-rfb',
  'password-file',
  'x0vncserver',
]
const notMendingMs = 10 * 60_000
/** These say nothing about whether the server runs. */
const notReached = ['unreachable', 'xauthority', 'password-file', 'x0vncserver']
/** Between looks at the server's process while it is not reached. */
const lookMs = 1000

export interface RecordDesktopOptions extends ScreenStreamOptions {
  source: ScreenSource
  log: AgentLog
  /** Opened again after each failure; `undefined` when it has its END. */
  openTimeline?: () => Promise<ScreenTimeline | undefined>
  /** Whether the server's process has ended, where that can be known: without it, who cannot be reached is gone. */
  isGone?: () => boolean
  /** Lossless by default. */
  lossy?: LossyOptions
  /** The host's, by default. */
  loadShare?: () => Promise<number>
}

export interface DesktopRecorder {
  /** Resolves with how the stream ended, or `undefined` when it was left to go on later. Rejects when nothing could be recorded. */
  readonly done: Promise<EndReason | undefined>
  /** Why the screen is not recorded now. */
  readonly trouble: DesktopError | FormatError | undefined
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
  return {
    done,
    get trouble() {
      return recorder.trouble
    },
    setWatched: (watched) => recorder.setWatched(watched),
    stop: leave,
    close: () => leave(),
  }
}

class Recorder {
  readonly #options: RecordDesktopOptions
  readonly #leaving = new AbortController()
  #follower: ScreenFollower | undefined
  #endReason: EndReason | undefined
  #watched = false
  #reached = false
  trouble: DesktopError | FormatError | undefined

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
    let told = ''
    try {
      while (true) {
        try {
          return await this.#record()
        } catch (error) {
          if (error instanceof DesktopError || signal.aborted) throw error
          const { message } = error as Error
          // A disk may be full for hours.
          if (message !== told)
            log.error({ code: 'record-failed', recording, error: message }, 'recording is retried')
          told = message
          await sleep(retryMsMax, undefined, { signal }).catch(() => undefined)
        }
      }
    } finally {
      await source.close()
    }
  }

  // From what is durable to the end, or to leaving. Throws DesktopError when there is nothing to record.
  async #record(): Promise<EndReason | undefined> {
    const { facts, lossy, loadShare = hostLoadShare, sink, openTimeline } = this.#options
    const timeline = await openTimeline?.()
    const stream = await ScreenStream.open(this.#options)
    if (!stream) {
      // A crash came between the two ends.
      await timeline?.end('exit', sink.state.written.at(-1)?.endUs ?? 0)
      return 'exit'
    }
    const clockMs = Date.now() - facts.startedMs - performance.now()
    const block = new UpdateBlock()
    const emit = async () => this.#follower?.emit()
    try {
      const failure = await this.#connectAndFollow({
        stream,
        ...(timeline && { timeline }),
        block,
        encoder: lossy ? new LossyEncoder(lossy, block, emit) : new LosslessEncoder(block, emit),
        pace: new Pace(),
        loadShare,
        // A wall clock that was set back meanwhile takes no time back.
        nowUs: () => Math.max(stream.endUs, Math.round((clockMs + performance.now()) * 1000)),
      })
      await stream.leave()
      if (stream.isEmpty && failure) throw failure
      const reason = this.#endReason ?? (failure && (this.#reached ? 'exit' : 'lost'))
      if (reason && !stream.isEmpty) {
        // It ended while no agent was there to see.
        if (reason === 'lost') await stream.gap(stream.endUs, stream.endUs, 'crash')
        await stream.end(reason)
        await timeline?.end(reason, stream.endUs)
      }
      return reason
    } finally {
      stream.close()
      timeline?.close()
    }
  }

  // Resolves with the last failure when the server is gone for good, without one when leaving.
  async #connectAndFollow(recorded: Omit<Recorded, 'missed'>): Promise<DesktopError | undefined> {
    const { signal } = this.#leaving
    const { isGone } = this.#options
    const backoff = new Backoff(retryMsMin, retryMsMax)
    let reachedMs = performance.now()
    let told: string | undefined
    while (!signal.aborted) {
      if (isGone?.()) return new DesktopError('gone', 'The X server has ended.')
      let waitMs = backoff.next()
      try {
        await this.#follow(recorded)
      } catch (error) {
        if (!isOfServer(error)) throw error
        if (signal.aborted) break
        if (isGone?.()) return error as DesktopError
        if (error.code !== told) this.#tell(error)
        told = error.code
        this.trouble = error
        if (!notReached.includes(error.code)) reachedMs = performance.now()
        else if (!isGone && performance.now() - reachedMs > goneMs) return error as DesktopError
        if (error.code === 'lost') backoff.reset()
        if (notMending.includes(error.code)) waitMs = notMendingMs
      }
      await recorded.stream.leave()
      for (const untilMs = performance.now() + waitMs; !signal.aborted && !isGone?.(); ) {
        const leftMs = untilMs - performance.now()
        if (leftMs <= 0) break
        await sleep(Math.min(leftMs, lookMs), undefined, { signal }).catch(() => undefined)
      }
    }
    return undefined
  }

  async #follow(recorded: Omit<Recorded, 'missed'>): Promise<void> {
    const { signal } = this.#leaving
    const { stream, timeline, encoder, block } = recorded
    const connection = await this.#options.source.open(encoder.encodings, signal)
    this.#reached = true
    this.trouble = undefined
    const missed = async (fromUs: number, toUs: number) => {
      await stream.gap(fromUs, toUs, 'crash')
      await timeline?.gap(fromUs, toUs, 'crash')
    }
    this.#follower = new ScreenFollower(connection, { ...recorded, missed }, signal)
    this.#follower.watched = this.#watched
    try {
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
