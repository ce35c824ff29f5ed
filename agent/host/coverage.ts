import type { Login } from './utmp.ts'

// Every login on a terminal has a recording, or somebody decided that it has none. What has neither got around the
// recorder, and is told once.

/** A login that was just made waits for its decision and its first prompt. */
const graceMs = 15_000

export interface Covered {
  user: string
  /** As utmp names it: pts/3. */
  line: string
}

export interface CoverageOptions {
  /** Accounts that are to be recorded now. */
  scope(): Promise<ReadonlySet<string>>
  logins(): Promise<Login[] | undefined>
  /** Terminals that are recorded, or were decided not to be. */
  covered(): readonly Covered[]
  unrecorded(login: Login): void
}

export interface CoverageCounts {
  logins: number
  unrecorded: number
}

export class Coverage {
  readonly #options: CoverageOptions
  #told = new Set<string>()
  #counts: CoverageCounts = { logins: 0, unrecorded: 0 }

  constructor(options: CoverageOptions) {
    this.#options = options
  }

  /** As of the last look: logins of accounts in scope, and how many of them nobody records. */
  get counts(): CoverageCounts {
    return this.#counts
  }

  async look(nowMs: number): Promise<void> {
    const [logins, scope] = await Promise.all([this.#options.logins(), this.#options.scope()])
    if (!logins) return
    const covered = new Set(this.#options.covered().map(({ user, line }) => `${user} ${line}`))
    const ours = logins.filter(({ user }) => scope.has(user))
    const missing = ours.filter(
      ({ user, line, sinceMs }) => !covered.has(`${user} ${line}`) && nowMs - sinceMs > graceMs,
    )
    const keys = new Set<string>()
    for (const login of missing) {
      const key = `${login.user} ${login.line} ${login.pid} ${login.sinceMs}`
      keys.add(key)
      if (!this.#told.has(key)) this.#options.unrecorded(login)
    }
    this.#told = keys
    this.#counts = { logins: ours.length, unrecorded: missing.length }
  }
}
