/** What an examination found, and what to do where it is not as it should be. */
export interface Finding {
  about: string
  /** `warn`: it works, and may not always. `fail`: a node cannot use it. */
  level: 'ok' | 'warn' | 'fail'
  found: string
  hint?: string
}

export const ok = (about: string, found: string): Finding => ({ about, level: 'ok', found })
export const warn = (about: string, found: string, hint: string): Finding => ({
  about,
  level: 'warn',
  found,
  hint,
})
export const fail = (about: string, found: string, hint: string): Finding => ({
  about,
  level: 'fail',
  found,
  hint,
})
