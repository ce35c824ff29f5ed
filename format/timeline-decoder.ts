import { LineSplitter, parseEvent, parseHeader, type TimelineEvent, type TimelineHeader } from './timeline.ts'

/** Turns the decoded bytes of a timeline, in any pieces, into its header and events. */
export class TimelineDecoder {
  readonly #lines: LineSplitter
  #header: TimelineHeader | undefined
  #headerExpected: boolean

  /** `headerExpected` = false for bytes that start behind the header line, at a frame's start. */
  constructor(options: { headerExpected: boolean; lineBytesMax?: number }) {
    this.#headerExpected = options.headerExpected
    this.#lines = new LineSplitter(options.lineBytesMax)
  }

  get header(): TimelineHeader | undefined {
    return this.#header
  }

  /** Throws FormatError; blank lines are passed over. */
  push(bytes: Uint8Array): TimelineEvent[] {
    return this.#lines.push(bytes).flatMap((line) => this.#line(line))
  }

  /** Forgets a line that was cut off, as at the end of a torn frame: it was never whole. */
  dropPartialLine(): void {
    this.#lines.finish()
  }

  #line(line: string): TimelineEvent[] {
    if (line.trim() === '') return []
    if (!this.#headerExpected) return [parseEvent(line)]
    this.#header = parseHeader(line)
    this.#headerExpected = false
    return []
  }
}
