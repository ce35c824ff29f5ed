/** Waits that double from `minMs` to `maxMs`, each shortened by chance so that thousands do not come back at once. */
export class Backoff {
  readonly #minMs: number
  readonly #maxMs: number
  #attempt = 0

  constructor(minMs: number, maxMs: number) {
    this.#minMs = minMs
    this.#maxMs = maxMs
  }

  /** Resolves after the wait, or at once when `signal` aborts. */
  wait(signal: AbortSignal): Promise<void> {
    const fullMs = Math.min(this.#maxMs, this.#minMs * 2 ** this.#attempt)
    this.#attempt = Math.min(this.#attempt + 1, 30)
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, fullMs * (0.5 + Math.random() / 2))
      if (signal.aborted) done()
      else signal.addEventListener('abort', done)
    })
  }
}
