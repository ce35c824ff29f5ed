import type { TimelineEvent } from './timeline.ts'

// What an emulator is given of a timeline. A command without a terminal prints line feeds alone, which a terminal would have
// made into new lines, and errors apart, which are shown in their own colour.

const errorsBegin = '\u001b[31m'
const errorsEnd = '\u001b[39m'

export class ShownText {
  readonly #isCommand: boolean
  #isError = false

  constructor(isCommand: boolean) {
    this.#isCommand = isCommand
  }

  /** To be called with each event in turn; the text of an `o` event, `undefined` for others. */
  take({ code, data }: TimelineEvent): string | undefined {
    if (!this.#isCommand) return code === 'o' ? data : undefined
    if (code === 'e') this.#isError = data === '{"kind":"stderr"}'
    if (code !== 'o') return undefined
    const lines = data.replace(/\r?\n/g, '\r\n')
    const text = this.#isError ? `${errorsBegin}${lines}${errorsEnd}` : lines
    this.#isError = false
    return text
  }
}
