/** A message that is refused. `code` is stable; `text` says expected and got; `hint` what to do. */
export class WireError extends Error {
  readonly code: string
  readonly hint: string

  constructor(code: string, text: string, hint = '') {
    super(text)
    this.name = 'WireError'
    this.code = code
    this.hint = hint
  }
}
