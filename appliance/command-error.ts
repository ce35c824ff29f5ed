/** What went wrong, for the person at the keyboard: the text, what to do next, and a code to quote. */
export class CommandError extends Error {
  readonly code: string
  readonly hint: string
  readonly exitCode: number

  constructor(code: string, text: string, hint = '', exitCode = 1) {
    super(text)
    this.name = 'CommandError'
    this.code = code
    this.hint = hint
    this.exitCode = exitCode
  }
}
