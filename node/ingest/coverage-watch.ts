import type { UnrecordedLogin } from '../../wire/messages.ts'
import type { IngestLog } from './ingest-log.ts'

// Logins that got around the recorder, as agents tell: each is logged once and counted, also where its agent comes again.

export class CoverageWatch {
  readonly #log: IngestLog
  /** agent → its logins that were logged. */
  readonly #told = new Map<string, Set<string>>()
  #total = 0

  constructor(log: IngestLog) {
    this.#log = log
  }

  /** Logged since this node started. */
  get total(): number {
    return this.#total
  }

  /** All unrecorded logins of an agent's host, as they are now. */
  heard(agent: string, host: string, unrecorded: readonly UnrecordedLogin[]): void {
    const before = this.#told.get(agent)
    const now = new Set<string>()
    for (const { user, line, from, sinceMs } of unrecorded) {
      const key = `${user} ${line} ${sinceMs}`
      now.add(key)
      if (before?.has(key)) continue
      this.#total += 1
      this.#log.error(
        { code: 'unrecorded-login', agent, host, user, line, from, sinceMs },
        'A login is not recorded.',
      )
    }
    if (now.size > 0) this.#told.set(agent, now)
    else this.#told.delete(agent)
  }
}
