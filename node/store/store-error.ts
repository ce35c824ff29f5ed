/** The store cannot do it now. `code` is stable; `hint` says what the operator can do. */
export class StoreError extends Error {
  readonly code: string
  readonly hint: string

  constructor(code: string, text: string, hint: string, cause?: unknown) {
    super(text, { cause })
    this.name = 'StoreError'
    this.code = code
    this.hint = hint
  }
}

const full = ['ENOSPC', 'EDQUOT', 'EFBIG']
const readOnly = ['EROFS', 'EACCES', 'EPERM']
const missing = ['ENOENT', 'ENOTDIR', 'ENODEV', 'ESTALE', 'ENOTCONN']

/** What an error of the file system means for a store. `doing` completes "Could not …". */
export function storeErrorOf(error: unknown, doing: string): StoreError {
  if (error instanceof StoreError) return error
  const { code = '', message } = error as NodeJS.ErrnoException
  const text = `Could not ${doing}: ${message}.`
  if (full.includes(code))
    return new StoreError('store-full', text, 'Make room or add a store; agents keep what they send.', error)
  if (readOnly.includes(code))
    return new StoreError(
      'store-read-only',
      text,
      'Let the node write there; agents keep what they send.',
      error,
    )
  if (missing.includes(code))
    return new StoreError('store-missing', text, 'Mount the store; agents keep what they send.', error)
  return new StoreError('store-failed', text, 'Look at the disk or share; agents keep what they send.', error)
}
