export interface Finding {
  /** `fail`: something does not work. `warn`: something is not recorded, or will not work for long. */
  level: 'ok' | 'warn' | 'fail'
  code: string
  text: string
  hint?: string
}
