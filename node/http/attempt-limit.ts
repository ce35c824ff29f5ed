import { textOf, utf8 } from '../../format/bytes.ts'
import type { Bus } from '../bus/bus.ts'

// Guessing is slowed down, not forbidden: after a few failures each further one doubles the wait, up to a cap, so that a
// stranger who fails on purpose keeps nobody out for long.

export interface AttemptLimitOptions {
  /** Failures that cost nothing. */
  free: number
  /** Wait after the first failure that does. */
  firstMs: number
  capMs: number
  /** Names kept in memory; the one unused longest goes first. */
  namesMax: number
  now: () => number
}

export const perUser = { free: 5, firstMs: 1000, capMs: 60_000, namesMax: 10_000 }
/** Many people may sit behind one address. */
export const perAddress = { free: 20, firstMs: 1000, capMs: 15 * 60_000, namesMax: 10_000 }

/** Counts in every process of the farm: who guesses is sent on by the balancer, or comes again. `name` is the limit's own. */
export function openSharedAttempts(
  bus: Bus,
  name: string,
  options: ConstructorParameters<typeof AttemptLimit>[0],
): Pick<AttemptLimit, 'waitMs' | 'failed' | 'succeeded'> {
  const limit = new AttemptLimit(options)
  bus.subscribe(`attempts.${name}`, (payload) => {
    const whose = textOf(payload)
    if (whose !== undefined) limit.failed(whose)
  })
  bus.subscribe(`attempts.${name}.over`, (payload) => {
    const whose = textOf(payload)
    if (whose !== undefined) limit.succeeded(whose)
  })
  return {
    waitMs: (whose) => limit.waitMs(whose),
    succeeded(whose) {
      limit.succeeded(whose)
      bus.publish(`attempts.${name}.over`, utf8(whose))
    },
    failed(whose) {
      limit.failed(whose)
      bus.publish(`attempts.${name}`, utf8(whose))
    },
  }
}

export class AttemptLimit {
  readonly #options: AttemptLimitOptions
  readonly #failures = new Map<string, { count: number; untilMs: number }>()

  constructor(options: Omit<AttemptLimitOptions, 'now'> & { now?: () => number }) {
    this.#options = { now: Date.now, ...options }
  }

  /** How long `name` must wait, in ms; 0 = go on. */
  waitMs(name: string): number {
    const failed = this.#failures.get(name)
    return failed ? Math.max(0, failed.untilMs - this.#options.now()) : 0
  }

  failed(name: string): void {
    const { free, firstMs, capMs, namesMax, now } = this.#options
    const count = (this.#failures.get(name)?.count ?? 0) + 1
    const waitMs = count <= free ? 0 : Math.min(capMs, firstMs * 2 ** Math.min(30, count - free - 1))
    this.#failures.delete(name)
    if (this.#failures.size >= namesMax) this.#failures.delete(this.#failures.keys().next().value!)
    this.#failures.set(name, { count, untilMs: now() + waitMs })
  }

  succeeded(name: string): void {
    this.#failures.delete(name)
  }
}
