import type { IngestLog } from './ingest-log.ts'

export interface Trouble {
  code: string
  text: string
  sinceMs: number
}

/** Tells once that recordings cannot be stored and once that they can again, however many streams notice. */
export class StoreTroubles {
  readonly #log: IngestLog
  readonly #now = new Map<string, { trouble: Trouble; affected: Set<object> }>()
  #errors = 0

  constructor(log: IngestLog) {
    this.#log = log
  }

  get errors(): number {
    return this.#errors
  }

  get newest(): Trouble | undefined {
    return [...this.#now.values()].at(-1)?.trouble
  }

  /** `who` met the error, and has it until `well(who)`. */
  report(who: object, error: unknown): void {
    this.#errors += 1
    const { code = 'unknown', message, hint } = error as { code?: string; message: string; hint?: string }
    const known = this.#now.get(code)
    if (known) {
      known.affected.add(who)
      return
    }
    this.#now.set(code, { trouble: { code, text: message, sinceMs: Date.now() }, affected: new Set([who]) })
    this.#log.error({ code, hint, err: error }, `Recordings are not stored now: ${message}`)
  }

  well(who: object): void {
    for (const [code, { affected }] of this.#now) {
      if (!affected.delete(who) || affected.size > 0) continue
      this.#now.delete(code)
      this.#log.info({ code }, 'Recordings are stored again.')
    }
  }
}
