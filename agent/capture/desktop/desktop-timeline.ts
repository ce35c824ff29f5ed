import type { Crypto, Signer } from '../../../format/ports.ts'
import type { EndReason, GapReason } from '../../../format/records.ts'
import { encodeEvent, encodeHeader } from '../../../format/timeline.ts'
import { recoverStream } from '../../queue/recover-stream.ts'
import type { SpooledStream } from '../../queue/spooled-stream.ts'
import { timelineWriter } from '../../queue/timeline-writer.ts'
import { StreamRecorder } from '../stream-recorder.ts'
import type { ScreenTimeline } from './screen-timeline.ts'

// The timeline of a desktop: facts, sizes of the screen, gaps and the end. It says little, so each word is sealed at once.

/** Who draws a timeline by itself shows an empty terminal. */
const header = { version: 2, width: 80, height: 24 } as const

export interface DesktopTimelineOptions {
  spooled: SpooledStream
  signer: Signer
  crypto: Crypto
  certificate: string
}

export class DesktopTimeline implements ScreenTimeline {
  readonly #options: DesktopTimelineOptions
  #stream: StreamRecorder
  /** Events told. */
  #events: number
  #size = ''

  private constructor(options: DesktopTimelineOptions) {
    this.#options = options
    this.#stream = new StreamRecorder(options.spooled, timelineWriter(options.spooled, options))
    this.#events = options.spooled.resume?.source.events ?? 0
  }

  /** Brings what a crash left to a boundary. `undefined` when the timeline has its END. */
  static async open(options: DesktopTimelineOptions): Promise<DesktopTimeline | undefined> {
    const { spooled } = options
    if (spooled.record.endSize !== undefined) return undefined
    if (!(await recoverStream(spooled, timelineWriter(spooled, options)))) return new DesktopTimeline(options)
    await spooled.update({ endSize: spooled.durable })
    return undefined
  }

  async screen({ width, height, name }: { width: number; height: number; name: string }, timeUs: number) {
    const size = `${width}x${height}`
    if (size === this.#size) return
    if (this.#stream.isEmpty) await this.#begin(width, height, name, timeUs)
    else await this.#tell('screen', { width, height }, timeUs)
    this.#size = size
  }

  async gap(fromUs: number, toUs: number, reason: GapReason): Promise<void> {
    if (this.#stream.isEmpty) return
    await this.#stream.gap(Math.max(fromUs, this.#stream.endUs), toUs, reason)
  }

  async end(reason: EndReason, endUs: number): Promise<void> {
    // A crash came before its first word, and the desktop ended meanwhile.
    if (this.#stream.isEmpty) await this.#begin(0, 0, '', endUs)
    await this.#tell('session-end', {}, Math.max(endUs, this.#stream.endUs))
    await this.#stream.end(reason)
    const { spooled } = this.#options
    await spooled.update({ endSize: spooled.durable })
  }

  close(): void {
    this.#stream.close()
  }

  // The size is a fact, and is known only now.
  async #begin(width: number, height: number, name: string, timeUs: number): Promise<void> {
    const { spooled } = this.#options
    const { session } = spooled.record
    const facts = { ...session.facts, columns: width, rows: height }
    await spooled.update({ session: { ...session, facts } })
    this.#stream = new StreamRecorder(spooled, timelineWriter(spooled, this.#options))
    const timestamp = Math.floor(facts.startedMs / 1000)
    await this.#tell('session-start', { ...facts, name }, timeUs, [
      encodeHeader({ ...header, timestamp, command: facts.command }),
    ])
  }

  async #tell(kind: string, said: object, timeUs: number, before: Uint8Array[] = []): Promise<void> {
    const event = encodeEvent(timeUs, 'e', JSON.stringify({ kind, seq: this.#events, ...said }))
    const position = (events: number) => ({ out: 0, timing: 0, time: timeUs, events })
    const span = { before: position(this.#events), after: position(this.#events + 1) }
    await this.#stream.write([...before, event], span, timeUs, timeUs)
    await this.#stream.seal()
    this.#events += 1
  }
}
