export class StoreError extends Error {
  readonly code: string
  readonly hint: string

  constructor(code: string, text: string, hint: string) {
    super(text)
    this.name = 'StoreError'
    this.code = code
    this.hint = hint
  }
}
