/** What went wrong at a balancer, for its operator; `code` is stable. */
export class LbError extends Error {
  readonly code: string
  readonly hint: string

  constructor(code: string, text: string, hint: string, cause?: unknown) {
    super(text, { cause })
    this.name = 'LbError'
    this.code = code
    this.hint = hint
  }
}
