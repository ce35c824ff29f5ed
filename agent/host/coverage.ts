import type { Login } from './utmp.ts'

// Every login on a terminal has a recording, or somebody decided that it has none. What has neither got around the
// recorder: it is told once, also when it was short, and named for as long as it lasts and an hour.
//
//   seen ── a recording or a decision ──▶ covered ── over ──▶ forgotten
//     └── neither within the grace ──▶ unrecorded ── over for an hour ──▶ forgotten

/** A login that was just made waits for its decision and its first prompt. */
const graceMs = 15_000
/** Until then a farm that was away hears of it, too. */
const namedMs = 3_600_000
/** utmp and the recorder read the clock one after the other, and somebody may set it. */
const clockMs = 5_000

/** A terminal that is recorded, or was decided not to be. */
export interface Covered {
  user: string
  /** As utmp names it: pts/3. */
  line: string
  /** ms since the epoch. */
  startedMs: number
}

export interface CoverageOptions {
  /** Accounts that are to be recorded now. */
  scope(): Promise<ReadonlySet<string>>
  logins(): Promise<Login[] | undefined>
  /** Those that last, and those that ended since the last look or a minute before. */
  covered(): readonly Covered[]
  unrecorded(login: Login): void
  /** The unrecorded logins of now and the last hour, at the first look and whenever they are others. */
  changed(unrecorded: readonly Login[]): void
}

export interface CoverageCounts {
  logins: number
  unrecorded: number
}

interface Seen {
  login: Login
  state: 'seen' | 'covered' | 'unrecorded'
  /** ms since the epoch, when it was there last. */
  lastMs: number
}

export class Coverage {
  readonly #options: CoverageOptions
  readonly #seen = new Map<string, Seen>()
  #lookedMs: number | undefined

  constructor(options: CoverageOptions) {
    this.#options = options
  }

  /** As of the last look: logins of accounts in scope, and how many of them nobody records. */
  get counts(): CoverageCounts {
    const lasting = [...this.#seen.values()].filter(({ lastMs }) => lastMs === this.#lookedMs)
    return {
      logins: lasting.length,
      unrecorded: lasting.filter(({ state }) => state === 'unrecorded').length,
    }
  }

  async look(nowMs: number): Promise<void> {
    const [logins, scope] = await Promise.all([this.#options.logins(), this.#options.scope()])
    if (!logins) return
    const before = this.#unrecorded
    for (const login of logins.filter(isLogin)) {
      if (!scope.has(login.user)) continue
      const key = `${login.user} ${login.line} ${login.pid} ${login.sinceMs}`
      const known = this.#seen.get(key)
      if (known) known.lastMs = nowMs
      else this.#seen.set(key, { login, state: 'seen', lastMs: nowMs })
    }
    const covered = this.#options.covered()
    for (const [key, one] of this.#seen) {
      if (one.state === 'seen') {
        if (covered.some((by) => covers(by, one.login))) one.state = 'covered'
        else if (nowMs - one.login.sinceMs > graceMs) {
          one.state = 'unrecorded'
          this.#options.unrecorded(one.login)
        }
      }
      const over = one.lastMs !== nowMs && one.state === 'covered'
      if (over || nowMs - one.lastMs > namedMs) this.#seen.delete(key)
    }
    const now = this.#unrecorded
    if (
      this.#lookedMs === undefined ||
      now.length !== before.length ||
      now.some((login, i) => login !== before[i])
    )
      this.#options.changed(now)
    this.#lookedMs = nowMs
  }

  get #unrecorded(): Login[] {
    return [...this.#seen.values()].filter(({ state }) => state === 'unrecorded').map(({ login }) => login)
  }
}

/** A window of screen (:pts/1:S.0) or of an X terminal (:0) is noted, too: it lies within a session. */
function isLogin({ line, from }: Login): boolean {
  return !(line.startsWith('pts/') && /^:[^:]/.test(from))
}

// Terminals are used again, by the same user, too.
function covers({ user, line, startedMs }: Covered, login: Login): boolean {
  return user === login.user && line === login.line && startedMs >= login.sinceMs - clockMs
}
