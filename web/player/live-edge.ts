/** Where a live session is now: it goes on by the clock from where it was last heard of. µs since its start. */
export class LiveEdge {
  #timeUs = 0
  #atMs = 0

  now(): number {
    return this.#timeUs + (performance.now() - this.#atMs) * 1000
  }

  set(timeUs: number): void {
    this.#timeUs = timeUs
    this.#atMs = performance.now()
  }
}
