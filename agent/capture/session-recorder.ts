import { type FSWatcher, watch } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Crypto, Signer } from '../../format/ports.ts'
import type { AgentLog } from '../log.ts'
import { recoverStream } from '../queue/recover-stream.ts'
import type { SpooledStream } from '../queue/spooled-stream.ts'
import { timelineWriter } from '../queue/timeline-writer.ts'
import { Alarm } from './alarm.ts'
import { type Clock, systemClock } from './clock.ts'
import { followLogs } from './follow-logs.ts'
import { followPipes } from './follow-pipes.ts'
import { logFolders } from './log-files.ts'
import { LogFollower } from './log-follower.ts'
import { bootId } from './process-name.ts'
import { removeSession } from './remove-session.ts'
import { readCommand } from './session-file.ts'
import { StreamRecorder } from './stream-recorder.ts'
import { TimelineRecorder } from './timeline-recorder.ts'
import { DamagedLogError } from './timing-log.ts'

// One recorded session, from its recorder's logs into the queue. Whatever fails, what is durable is read back from the
// disk and the logs are read again from there: a restarted agent, a full disk and a first start are one way.
//
//   recover ──▶ follow ── exit, dead recorder, lost logs ──▶ END ──▶ logs removed ──▶ ended
//      ▲           │
//      └─ error ───┘

const retryMs = 1000

export interface SessionRecorderOptions {
  /** The recorder's folder. */
  dir: string
  spooled: SpooledStream
  signer: Signer
  crypto: Crypto
  certificate: string
  log: AgentLog
  clock?: Clock
}

export class SessionRecorder {
  readonly #options: SessionRecorderOptions
  readonly #closing = new AbortController()
  readonly #clock: Clock
  readonly #alarm: Alarm
  #watched = false
  #watcher: FSWatcher | undefined
  #running: Promise<void> | undefined

  constructor(options: SessionRecorderOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#alarm = new Alarm(this.#clock)
  }

  get spooled(): SpooledStream {
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
    if (watched) this.#watcher = this.#watch()
    this.#alarm.ring()
  }

  /** Stops following; the recorder's logs keep what comes until an agent is back. */
  async close(): Promise<void> {
    this.#closing.abort()
    this.setWatched(false)
    this.#alarm.ring()
    await this.#running
  }

  // Without it the logs are looked at as often as for anybody else.
  #watch(): FSWatcher | undefined {
    try {
      const watcher = watch(logFolders(this.#options.dir).out, () => this.#alarm.ring())
      watcher.on('error', () => undefined)
      return watcher
    } catch {
      return undefined
    }
  }

  async #run(): Promise<void> {
    const { log, spooled, dir } = this.#options
    const { signal } = this.#closing
    let told = ''
    while (!signal.aborted) {
      try {
        if (!(await this.#record())) continue
        this.setWatched(false)
        // Before the farm is told that this is all: a folder found without its recording would be recorded again.
        await removeSession(dir)
        await spooled.update({ endSize: spooled.durable })
        return
      } catch (error) {
        const { message, code } = error as NodeJS.ErrnoException
        const { recording } = spooled
        // A disk may be full for hours.
        if (message !== told)
          log.error({ code: 'record-failed', recording, errno: code, error: message }, 'retried')
        told = message
        await sleep(retryMs, undefined, { signal }).catch(() => undefined)
      }
    }
  }

  // True when the stream has its END.
  async #record(): Promise<boolean> {
    const { spooled } = this.#options
    if (spooled.record.endSize !== undefined) return true
    const writer = timelineWriter(spooled, this.#options)
    if (await recoverStream(spooled, writer)) return true
    const stream = new StreamRecorder(spooled, writer, this.#clock)
    try {
      return await this.#follow(new TimelineRecorder(stream))
    } finally {
      stream.close()
    }
  }

  async #follow(timeline: TimelineRecorder): Promise<boolean> {
    const { dir, spooled, log } = this.#options
    const { recording } = spooled
    const { session } = spooled.record
    const crashed = session.boot !== bootId()
    if (session.facts.type === 'command') return this.#followPipes(timeline, crashed)
    const logs = this.#openLogs(crashed)
    const lost = async (facts: object): Promise<true> => {
      log.warn(
        { code: 'logs-lost', recording, ...facts },
        "data lost: the recorder's logs are gone or damaged",
      )
      await timeline.endLost(session, logs?.position)
      return true
    }
    if (!logs) return lost({})
    try {
      const { resume } = spooled
      if (resume && !logs.skip(resume.outputBytes, resume.resizes)) return await lost({ behind: true })
      if (timeline.stream.isEmpty) await timeline.begin(session, await readCommand(dir), logs.position)
      return await followLogs({
        dir,
        recording,
        session,
        crashed,
        logs,
        timeline,
        clock: this.#clock,
        alarm: this.#alarm,
        log,
        isWatched: () => this.#watched,
        isClosing: () => this.#closing.signal.aborted,
      })
    } catch (error) {
      if (error instanceof DamagedLogError) return await lost({ error: error.message })
      throw error
    } finally {
      logs.close()
    }
  }

  async #followPipes(timeline: TimelineRecorder, crashed: boolean): Promise<boolean> {
    const { dir, spooled, log } = this.#options
    const { recording } = spooled
    const { session } = spooled.record
    try {
      return await followPipes({
        dir,
        recording,
        session,
        command: await readCommand(dir),
        crashed,
        timeline,
        from: spooled.resume?.source,
        alarm: this.#alarm,
        log,
        isWatched: () => this.#watched,
        isClosing: () => this.#closing.signal.aborted,
      })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      log.warn({ code: 'logs-lost', recording }, "data lost: the recorder's logs are gone")
      await timeline.endLost(session)
      return true
    }
  }

  #openLogs(crashed: boolean): LogFollower | undefined {
    const { dir, spooled } = this.#options
    const { startedMs } = spooled.record.session.facts
    const from = spooled.resume?.source
    try {
      return new LogFollower(dir, { ...(from && { from }), startedMs, crashed })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }
}
