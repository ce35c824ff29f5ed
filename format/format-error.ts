/** Damaged or refused input. `code` is stable; `offset` is the byte in the stream where the trouble starts, if known. */
export class FormatError extends Error {
  readonly code: string
  readonly offset: number | undefined
  readonly hint: string | undefined

  constructor(code: string, text: string, options: { offset?: number; hint?: string } = {}) {
    super(text)
    this.name = 'FormatError'
    this.code = code
    this.offset = options.offset
    this.hint = options.hint
  }
}
