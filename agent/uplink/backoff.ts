/** Full jitter: after each failure any time up to a bound that doubles, so that a farm's return is no stampede. */
export class Backoff {
  readonly #minMs: number
  readonly #maxMs: number
  #boundMs: number

  constructor(minMs = 250, maxMs = 30_000) {
    this.#minMs = minMs
    this.#maxMs = maxMs
    this.#boundMs = minMs
  }

  next(random = Math.random()): number {
    const waitMs = random * this.#boundMs
    this.#boundMs = Math.min(this.#maxMs, this.#boundMs * 2)
    return waitMs
  }

  reset(): void {
    this.#boundMs = this.#minMs
  }
}
