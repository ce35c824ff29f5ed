import type { EndReason, SourcePosition } from '../../format/records.ts'
import { encodeEvent, encodeHeader } from '../../format/timeline.ts'
import type { Hole, LogItem } from './log-follower.ts'
import type { RecordedSession } from './session-file.ts'
import type { Span, StreamRecorder } from './stream-recorder.ts'
import { TimelineEncoder } from './timeline-encoder.ts'

// What happens in a session, as the timeline tells it.

export class TimelineRecorder {
  readonly stream: StreamRecorder
  readonly #encoder = new TimelineEncoder()

  constructor(stream: StreamRecorder) {
    this.stream = stream
  }

  /** A frame may end now: no character waits for its rest. */
  get isWhole(): boolean {
    return !this.#encoder.holds
  }

  /**
   * The header and the first event, which has the command in full. They go out at once: the recording is listed while
   * its session still shows a prompt.
   */
  async begin({ facts }: RecordedSession, command: string, position: SourcePosition): Promise<void> {
    const header = {
      version: 2,
      width: facts.columns,
      height: facts.rows,
      timestamp: Math.floor(facts.startedMs / 1000),
      command: facts.command,
      env: { TERM: facts.term },
    } as const
    const start = { kind: 'session-start', seq: 0, ...facts, command: command || facts.command }
    const lines = [encodeHeader(header), encodeEvent(position.time, 'e', JSON.stringify(start))]
    await this.stream.write(lines, { before: position, after: position }, position.time, position.time)
    await this.stream.flush()
  }

  async write(items: readonly LogItem[], logs: Span): Promise<void> {
    const first = items[0]
    if (first) await this.stream.write(this.#encoder.encode(items), logs, first.timeUs, items.at(-1)!.timeUs)
  }

  /** A GAP `flood` in the place of a hole in the logs. */
  async hole({ resizes, lostBytes, toUs, position }: Hole, before: SourcePosition): Promise<void> {
    const fromUs = this.stream.endUs
    await this.write(
      resizes.map((item) => ({ ...item, timeUs: fromUs })),
      { before, after: before },
    )
    await this.#finish(before)
    await this.stream.gap(fromUs, Math.max(fromUs, toUs), 'flood', lostBytes, position)
  }

  async end(position: SourcePosition, reason: EndReason, status: { exit?: number; signal?: number }) {
    await this.#finish(position)
    await this.stream.end(reason, status)
  }

  /** The logs are gone or damaged, and with them what the recorder wrote last. */
  async endLost(session: RecordedSession, position?: SourcePosition): Promise<void> {
    if (this.stream.isEmpty) await this.begin(session, '', { out: 0, timing: 0, time: 0 })
    if (position) await this.#finish(position)
    const { endUs } = this.stream
    await this.stream.gap(endUs, endUs, 'crash')
    await this.stream.end('lost')
  }

  // A character whose rest will not come is given out as it is.
  async #finish(position: SourcePosition): Promise<void> {
    const timeUs = this.stream.endUs
    await this.stream.write(
      this.#encoder.finish(timeUs),
      { before: position, after: position },
      timeUs,
      timeUs,
    )
  }
}
