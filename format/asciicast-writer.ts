import { utf8 } from './bytes.ts'
import { seconds, type TimelineEvent, type TimelineHeader } from './timeline.ts'

// Writes our timeline for other players: asciicast 1, 2 or 3, optionally in well-formed Unicode only.

export interface AsciicastOptions {
  version: 1 | 2 | 3
  /** true keeps bytes that were not UTF-8 as lone surrogates (asciinema gives them back); false writes U+FFFD for them. */
  exact: boolean
}

export class AsciicastWriter {
  readonly #options: AsciicastOptions
  #lastUs = 0
  #events = 0

  constructor(options: AsciicastOptions) {
    this.#options = options
  }

  header(header: TimelineHeader): Uint8Array<ArrayBuffer> {
    const { version: _, width, height, env, ...rest } = header
    if (this.#options.version === 1) {
      const about = JSON.stringify({ version: 1, width, height, ...rest, env }).slice(0, -1)
      return utf8(`${about},"stdout":[`)
    }
    if (this.#options.version === 2) return utf8(`${JSON.stringify(header)}\n`)
    const term = { cols: width, rows: height, ...(env?.TERM && { type: env.TERM }) }
    return utf8(`${JSON.stringify({ version: 3, term, ...rest, ...(env && { env }) })}\n`)
  }

  /** Version 1 knows only output; what it cannot say is left out. */
  event(event: TimelineEvent): Uint8Array<ArrayBuffer> {
    const { version, exact } = this.#options
    const data = JSON.stringify(exact ? event.data : event.data.toWellFormed())
    const sinceUs = event.timeUs - this.#lastUs
    if (version === 1) {
      if (event.code !== 'o') return utf8('')
      this.#lastUs = event.timeUs
      this.#events += 1
      return utf8(`${this.#events > 1 ? ',' : ''}\n[${seconds(sinceUs)}, ${data}]`)
    }
    if (version === 3) this.#lastUs = event.timeUs
    return utf8(
      `[${seconds(version === 3 ? sinceUs : event.timeUs)}, ${JSON.stringify(event.code)}, ${data}]\n`,
    )
  }

  finish(): Uint8Array<ArrayBuffer> {
    return utf8(this.#options.version === 1 ? '\n]}\n' : '')
  }
}
