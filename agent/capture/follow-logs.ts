import { setTimeout as sleep } from 'node:timers/promises'
import type { AgentLog } from '../log.ts'
import type { Alarm } from './alarm.ts'
import type { Clock } from './clock.ts'
import type { LogFollower, LogItem } from './log-follower.ts'
import { processAlive } from './process-name.ts'
import { LogPuncher } from './punch-hole.ts'
import type { RecordedSession } from './session-file.ts'
import { frameRawBytesMax } from './stream-recorder.ts'
import type { TimelineRecorder } from './timeline-recorder.ts'

/** Between two looks at the logs while nobody watches: the logs wait in memory, so this only bounds how much. */
const lookMs = 250
/** The same once nothing has come for a while. */
const quietLookMs = 500
const quietMs = 5000
/** How often it is seen whether a quiet recorder still runs. */
const aliveMs = 1000
/** What has been entered and what it printed is durable and on its way after this. */
const flushMs = 2000
/** A line that is being typed has done nothing yet: each flush costs some 50 bytes, and an hour of typing a quarter more. */
const typingFlushMs = 10_000
const newline = 10
/** Of output in one turn. Larger buffers would only be larger garbage. */
const turnBytesMax = 128 * 1024
/** While watched, as often as a screen shows a difference. */
const watchedFlushMs = 25
/** A hole in the logs, and output without a line, are taken for what they are once nothing has changed for so long. */
const settleMs = 2000
/** A hole that grows for so long is told of all the same. */
const holeMsMax = 10_000

export interface FollowOptions {
  dir: string
  recording: string
  session: RecordedSession
  /** The host went down since: nothing more will come. */
  crashed: boolean
  logs: LogFollower
  timeline: TimelineRecorder
  clock: Clock
  alarm: Alarm
  log: AgentLog
  isWatched(): boolean
  isClosing(): boolean
}

/** Records what comes in the logs until the session ends. Resolves false when closed before. Throws DamagedLogError. */
export async function followLogs(options: FollowOptions): Promise<boolean> {
  const { dir, recording, session, crashed, logs, timeline, clock, alarm, log, isWatched, isClosing } =
    options
  const { stream } = timeline
  const puncher = new LogPuncher(dir, (error) =>
    log.warn({ code: 'punch', recording, error: error.message }, "the logs' memory is not given back"),
  )
  const sinceMs = clock.nowMs()
  const hole = new Settling()
  const stray = new Settling()
  let flushedMs = -Infinity
  let entered = false
  let changedMs = sinceMs
  let askedMs = 0
  let dead = crashed
  let signal: number | undefined
  /** All before it is durably in the queue, in frames that are whole. */
  let sealed = logs.position

  const write = async (read: () => LogItem[]): Promise<LogItem[]> => {
    const before = logs.position
    const items = read()
    await timeline.write(items, { before, after: logs.position })
    return items
  }
  const writeRest = (bytesMax: number, timeUs: number) =>
    write(() => {
      const bytes = logs.rest(bytesMax)
      return bytes.length > 0 ? [{ kind: 'output', timeUs, bytes }] : []
    })
  const writeAllRest = async () => {
    logs.cutTrailer()
    while ((await writeRest(frameRawBytesMax, stream.endUs)).length > 0)
      if (stream.rawBytes >= frameRawBytesMax && timeline.isWhole) await stream.seal()
  }
  const passHole = async () => {
    const before = logs.position
    const passed = logs.passHole()
    await timeline.hole(passed, before)
    if (passed.strayBytes > 0) await writeRest(passed.strayBytes, passed.toUs)
    sealed = logs.position
    puncher.punchAll(sealed, clock.nowMs())
    const { lostBytes } = passed
    log.warn({ code: 'flood', recording, lostBytes }, "data lost: the recorder's logs had no room")
  }

  try {
    while (!isClosing()) {
      // Asked before the logs are read: what a dead recorder wrote is all there.
      const nowMs = clock.nowMs()
      if (!dead && nowMs - changedMs >= aliveMs && nowMs - askedMs >= aliveMs) {
        askedMs = nowMs
        dead = !processAlive(session)
      }
      let inHole = false
      const items = await write(() => {
        const next = logs.next(turnBytesMax)
        inHole = next.hole
        return next.items
      })
      if (items.length > 0) changedMs = nowMs
      entered ||= items.some((item) => item.kind === 'output' && item.bytes.includes(newline))
      for (const item of items) if (item.kind === 'signal') signal = item.signal
      const exit = items.find((item) => item.kind === 'exit')
      if (exit) {
        await writeAllRest()
        if (signal === undefined) await timeline.end(logs.position, 'exit', { exit: exit.code })
        else await timeline.end(logs.position, 'terminated', { signal })
        return true
      }
      if (items.length === 0 && dead && (crashed || !inHole)) {
        await writeAllRest()
        if (crashed) await timeline.endLost(session, logs.position)
        else await timeline.end(logs.position, 'terminated', {})
        return true
      }
      if (inHole && items.length === 0) {
        const forMs = hole.forMs(logs.lostBytes, nowMs)
        if (dead || forMs.same >= settleMs || forMs.all >= holeMsMax) await passHole()
      } else hole.clear()
      if (items.length === 0 && nowMs - changedMs >= settleMs && logs.strayBytes > 0) {
        if (stray.forMs(logs.strayBytes, nowMs).same >= settleMs)
          await writeRest(frameRawBytesMax, stream.endUs)
      } else stray.clear()
      if (stream.frameIsFull(nowMs) && timeline.isWhole) {
        await stream.seal()
        flushedMs = nowMs
        entered = false
        sealed = logs.position
      } else if (
        stream.isDirty &&
        (isWatched() || nowMs - flushedMs >= (entered ? flushMs : typingFlushMs))
      ) {
        await stream.flush()
        flushedMs = nowMs
        entered = false
      }
      puncher.punch(sealed, nowMs)
      // While watched, a change wakes us; the pause keeps a flood of changes from becoming a flood of flushes.
      if (isWatched()) await sleep(watchedFlushMs)
      if (items.length === 0)
        await alarm.wait(nowMs - changedMs > quietMs || isWatched() ? quietLookMs : lookMs)
    }
    await stream.flush()
    return false
  } finally {
    await puncher.close()
  }
}

/** For how long a number has been the same, and how long there has been one at all. */
class Settling {
  #value = 0
  #sinceMs = 0
  #allSinceMs: number | undefined

  forMs(value: number, nowMs: number): { same: number; all: number } {
    this.#allSinceMs ??= nowMs
    if (value !== this.#value || this.#allSinceMs === nowMs) this.#sinceMs = nowMs
    this.#value = value
    return { same: nowMs - this.#sinceMs, all: nowMs - this.#allSinceMs }
  }

  clear(): void {
    this.#allSinceMs = undefined
  }
}
