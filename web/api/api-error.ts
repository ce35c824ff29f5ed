/** What the server refused, in its own words. `code` is stable and worth quoting; `role` is set where a role is missing. */
export class ApiError extends Error {
  readonly code: string
  readonly status: number
  readonly hint: string | undefined

  constructor(status: number, code: string, text: string, hint?: string) {
    super(text)
    this.name = 'ApiError'
    this.status = status
    this.code = code
    this.hint = hint
  }

  /** The role that a 403 names, e.g. Player. */
  get role(): string | undefined {
    if (this.status !== 403) return undefined
    return /\b(PolicyAdministrator|PolicyQuery|LoggingWriter|LoggingReader|Player)\b/.exec(
      `${this.message} ${this.hint ?? ''}`,
    )?.[1]
  }
}

/** Any thrown thing as something with a code to quote. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error
  const { code, message, hint } = error as { code?: unknown; message?: string; hint?: string }
  return new ApiError(0, typeof code === 'string' ? code : 'page', message ?? String(error), hint)
}
