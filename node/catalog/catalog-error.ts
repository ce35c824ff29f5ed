/** The catalog cannot do it. `code` is stable; `hint` says what the operator can do. */
export class CatalogError extends Error {
  readonly code: CatalogErrorCode
  readonly hint: string

  constructor(code: CatalogErrorCode, text: string, hint: string, cause?: unknown) {
    super(text, { cause })
    this.name = 'CatalogError'
    this.code = code
    this.hint = hint
  }
}

export type CatalogErrorCode =
  /** The connection's text cannot be used. */
  | 'catalog-connection'
  /** No host takes writes now. */
  | 'catalog-away'
  /** All connections, or the lock, stayed taken. */
  | 'catalog-busy'
  /** The connection broke under a statement: it may have been done or not. */
  | 'catalog-lost'
  /** A newer Tapedeck has migrated it. */
  | 'catalog-newer'
  /** The role may not do it. */
  | 'catalog-rights'
