/** Why a desktop is not recorded. `code` is stable; `hint` says what an operator can do. */
export class DesktopError extends Error {
  readonly code: string
  readonly hint: string | undefined

  constructor(code: string, text: string, options: { hint?: string; cause?: unknown } = {}) {
    super(text, options.cause === undefined ? {} : { cause: options.cause })
    this.name = 'DesktopError'
    this.code = code
    this.hint = options.hint
  }
}
