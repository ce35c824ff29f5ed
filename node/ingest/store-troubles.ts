import type { IngestLog } from './ingest-log.ts'

export interface Trouble {
  code: string
  text: string
  sinceMs: number
}

/** Tells once that a store fails and once that it is well again, however many streams notice. */
export class StoreTroubles {
  readonly #log: IngestLog
  readonly #now = new Map<string, Trouble>()
  #errors = 0

  constructor(log: IngestLog) {
    this.#log = log
  }

  get errors(): number {
    return this.#errors
  }

  get newest(): Trouble | undefined {
    return [...this.#now.values()].at(-1)
  }

  /** `where` = store id, or what else did not answer. */
  report(where: string, error: unknown): void {
    this.#errors += 1
    const { code = 'unknown', message, hint } = error as { code?: string; message: string; hint?: string }
    if (this.#now.get(where)?.code === code) return
    this.#now.delete(where)
    this.#now.set(where, { code, text: message, sinceMs: Date.now() })
    this.#log.error({ where, code, hint, err: error }, `Recordings are not stored now: ${message}`)
  }

  well(where: string): void {
    if (this.#now.size === 0 || !this.#now.delete(where)) return
    this.#log.info({ where }, 'Recordings are stored again.')
  }
}
