import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { textOfBytes } from '../../format/output-text.ts'
import type { SourcePosition } from '../../format/records.ts'
import { encodeEvent } from '../../format/timeline.ts'
import type { AgentLog } from '../log.ts'
import type { Alarm } from './alarm.ts'
import { PipeLogs } from './pipe-logs.ts'
import { type PipePosition, pipePosition, sourceOf } from './pipe-position.ts'
import { processAlive } from './process-name.ts'
import { punchBytesMin, punchFile } from './punch-hole.ts'
import type { RecordedSession } from './session-file.ts'
import { TimelineEncoder } from './timeline-encoder.ts'
import type { TimelineRecorder } from './timeline-recorder.ts'
import { gitTransfer, TransferReader } from './transfers/transfer-reader.ts'

// A session without a terminal: output, errors and, where it is a script, input as they came, files that moved, and in
// the end what passed in all. Nobody knows when exactly a byte passed: it has the time at which it was found.

/** Output of one command that is recorded; what is more is mostly no text. The rest is counted, and a GAP `flood` says so. */
export const outputBytesMax = 1024 * 1024
const inputBytesMax = 1024 * 1024
/** Files of one session that are told one by one. */
const transfersMax = 10_000
const lookMs = 100
/** After a while without anything new. */
const quietLookMs = 500
const quietMs = 5000
const aliveMs = 1000
const flushMs = 2000
const readBytes = 256 * 1024

export interface FollowPipesOptions {
  dir: string
  recording: string
  session: RecordedSession
  command: string
  crashed: boolean
  timeline: TimelineRecorder
  from: SourcePosition | undefined
  alarm: Alarm
  log: AgentLog
  isWatched(): boolean
  isClosing(): boolean
}

/** Records what passes until nothing does any more. Resolves false when closed before. Throws ENOENT when the logs are gone. */
export async function followPipes(options: FollowPipesOptions): Promise<boolean> {
  const logs = new PipeLogs(options.dir)
  try {
    return await new PipeFollower(options, logs).run()
  } finally {
    logs.close()
  }
}

class PipeFollower {
  readonly #options: FollowPipesOptions
  readonly #logs: PipeLogs
  readonly #position: PipePosition
  readonly #encoders = { out: new TimelineEncoder(), err: new TimelineEncoder() }
  readonly #transfers: TransferReader | undefined
  #transfersToSkip: number
  /** Streams that have the files themselves in them, and so no text. */
  readonly #withoutText: ReadonlySet<string>
  #punched: Record<string, number> = {}
  #cappedUs: number | undefined

  constructor(options: FollowPipesOptions, logs: PipeLogs) {
    this.#options = options
    this.#logs = logs
    this.#position = pipePosition(options.from)
    this.#transfersToSkip = this.#position.transfers
    const means = options.session.means ?? ''
    this.#transfers = TransferReader.open(logs, means, options.command)
    this.#withoutText = new Set(this.#transfers ? [this.#transfers.read.log] : [])
  }

  async run(): Promise<boolean> {
    const { timeline, session, crashed, alarm, isClosing, isWatched } = this.#options
    const { stream } = timeline
    let changedMs = performance.now()
    let flushedMs = -Infinity
    let askedMs = 0
    if (stream.isEmpty) await timeline.begin(session, this.#options.command, sourceOf(this.#position, 0))
    while (!isClosing()) {
      const nowMs = performance.now()
      const done = this.#logs.isDone
      const ask = !done && nowMs - askedMs >= aliveMs
      if (ask) askedMs = nowMs
      const dead = !done && (crashed || (ask && !processAlive(session)))
      const changed = await this.#take(nowMs)
      if (changed) changedMs = nowMs
      else if (done || dead) {
        await this.#end(nowMs, done && !crashed)
        return true
      }
      if (stream.frameIsFull(nowMs) && this.#isWhole) {
        await stream.seal()
        flushedMs = nowMs
      } else if (stream.isDirty && (isWatched() || nowMs - flushedMs >= flushMs)) {
        await stream.flush()
        flushedMs = nowMs
      }
      await this.#punch()
      if (!changed) await alarm.wait(nowMs - changedMs > quietMs ? quietLookMs : lookMs)
    }
    await stream.flush()
    return false
  }

  get #isWhole(): boolean {
    return !this.#encoders.out.holds && !this.#encoders.err.holds
  }

  #timeUs(nowMs: number): number {
    const { session, timeline } = this.#options
    return Math.max(timeline.stream.endUs, (nowMs - session.facts.startedMs) * 1000)
  }

  // True when there was something, and may be more.
  async #take(nowMs: number): Promise<boolean> {
    const timeUs = this.#timeUs(nowMs)
    const before = sourceOf(this.#position, timeUs)
    const lines = [
      ...this.#input(timeUs),
      ...this.#output('err', timeUs),
      ...this.#output('out', timeUs),
      ...this.#moved(timeUs),
    ]
    const span = { before, after: sourceOf(this.#position, timeUs) }
    await this.#options.timeline.stream.write(lines, span, timeUs, timeUs)
    return lines.length > 0
  }

  #input(timeUs: number): Uint8Array[] {
    if (this.#withoutText.has('in')) return []
    const bytes = this.#logs.read(
      'in',
      this.#position.in,
      Math.min(readBytes, inputBytesMax - this.#position.in),
    )
    this.#position.in += bytes.length
    return bytes.length === 0 ? [] : [encodeEvent(timeUs, 'i', textOfBytes(bytes))]
  }

  #output(name: 'out' | 'err', timeUs: number): Uint8Array[] {
    if (this.#withoutText.has(name)) return []
    const { out, err } = this.#position
    const room = outputBytesMax - out - err
    if (room <= 0 && this.#logs.size(name) > this.#position[name]) this.#cappedUs ??= timeUs
    const bytes = this.#logs.read(name, this.#position[name], Math.min(readBytes, room))
    if (bytes.length === 0) return []
    this.#position[name] += bytes.length
    return this.#lines(name, this.#encoders[name].encode([{ kind: 'output', timeUs, bytes }]), timeUs)
  }

  // What came on the standard error says so before each event.
  #lines(name: 'out' | 'err', events: Uint8Array[], timeUs: number): Uint8Array[] {
    if (name === 'out') return events
    return events.flatMap((event) => [encodeEvent(timeUs, 'e', '{"kind":"stderr"}'), event])
  }

  #moved(timeUs: number): Uint8Array[] {
    const found = this.#transfers?.next() ?? []
    const fresh = found.slice(this.#transfersToSkip)
    this.#transfersToSkip = Math.max(0, this.#transfersToSkip - found.length)
    return fresh.flatMap((transfer) => {
      this.#position.transfers += 1
      if (this.#position.transfers > transfersMax) return []
      return [
        encodeEvent(
          timeUs,
          'e',
          JSON.stringify({ kind: 'file-transfer', seq: this.#position.transfers, ...transfer }),
        ),
      ]
    })
  }

  async #end(nowMs: number, done: boolean): Promise<void> {
    const { timeline, session, command, crashed, dir, recording, log } = this.#options
    const { stream } = timeline
    const timeUs = this.#timeUs(nowMs)
    const position = sourceOf(this.#position, timeUs)
    const passed = { in: this.#logs.passed('in'), out: this.#logs.passed('out') }
    const lines = (['out', 'err'] as const).flatMap((name) =>
      this.#lines(name, this.#encoders[name].finish(timeUs), timeUs),
    )
    if (session.means === 'git' && this.#position.transfers === 0) {
      const transfer = gitTransfer(command, { in: passed.in?.bytes ?? 0, out: passed.out?.bytes ?? 0 })
      lines.push(encodeEvent(timeUs, 'e', JSON.stringify({ kind: 'file-transfer', seq: 1, ...transfer })))
    }
    const end = {
      kind: 'session-end',
      seq: this.#position.transfers + 1,
      exit: this.#logs.exit,
      input: passed.in ?? { bytes: this.#logs.size('in') },
      output: passed.out ?? { bytes: this.#logs.size('out') },
      errors: { bytes: this.#logs.size('err') },
      ...(this.#position.transfers > transfersMax && { transfers: this.#position.transfers }),
    }
    lines.push(encodeEvent(timeUs, 'e', JSON.stringify(end)))
    await stream.write(lines, { before: position, after: position }, timeUs, timeUs)
    const lostBytes = this.#unrecordedBytes()
    const cut = existsSync(join(dir, 'cut'))
    if (lostBytes > 0 || cut) {
      await stream.gap(this.#cappedUs ?? timeUs, timeUs, 'flood', lostBytes, position)
      log.warn({ code: 'flood', recording, lostBytes, cut }, 'output beyond what is recorded of a command')
    }
    if (crashed) await timeline.endLost(session, position)
    else if (done && this.#logs.exit !== undefined) await stream.end('exit', { exit: this.#logs.exit })
    else await stream.end('terminated')
  }

  #unrecordedBytes(): number {
    return (['out', 'err'] as const)
      .filter((name) => !this.#withoutText.has(name))
      .reduce((sum, name) => sum + this.#logs.size(name) - this.#position[name], 0)
  }

  // Memory of what is told, and of what never will be.
  async #punch(): Promise<void> {
    for (const name of ['in', 'out', 'err'] as const) {
      const isFile = this.#withoutText.has(name)
      const told = isFile ? this.#transfers!.read.bytes : this.#position[name]
      const capped = this.#cappedUs !== undefined && name !== 'in'
      const to = capped ? this.#logs.size(name) : told
      const from = this.#punched[name] ?? 0
      if (to - from < punchBytesMin || !(isFile || capped)) continue
      this.#punched[name] = await punchFile(join(this.#options.dir, 'log', name), from, to)
    }
  }
}
