/**
 * Where a live session is now: it goes on by the clock from where it was last heard of. Never ahead of it, so that what is
 * still to come is not behind the time that is shown. µs since its start.
 */
export class LiveEdge {
  #timeUs = 0
  #atMs = 0
  #isGuess = true

  now(): number {
    return this.#timeUs + (performance.now() - this.#atMs) * 1000
  }

  /** By clocks that may differ, until it is heard of. */
  guess(timeUs: number): void {
    this.#isGuess = true
    this.#set(timeUs)
  }

  /** Something of this time has just come. It takes a while to come, so that what came soonest is nearest to the truth. */
  heard(timeUs: number): void {
    if (this.#isGuess || timeUs > this.now()) this.#set(timeUs)
    this.#isGuess = false
  }

  #set(timeUs: number): void {
    this.#timeUs = timeUs
    this.#atMs = performance.now()
  }
}
