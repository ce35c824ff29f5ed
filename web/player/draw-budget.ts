/** What may be spent at once before output counts as hostile: a hang that a reviewer would take for a crash. */
const reserveMs = 2000
/** Ordinary output takes 0.1 µs a character on two busy cores; ten times that is still ordinary. */
const msPerCharacter = 0.001
/** While nothing hostile comes, the reserve fills up again at this share of the time. */
const refill = 0.5

/** How much drawing time recorded output may still take. */
export class DrawBudget {
  #leftMs = reserveMs
  #atMs = performance.now()

  get spent(): boolean {
    this.#fill(0)
    return this.#leftMs < 0
  }

  take(characters: number, tookMs: number): void {
    this.#fill(characters)
    this.#leftMs -= tookMs
  }

  #fill(characters: number): void {
    const nowMs = performance.now()
    const more = (nowMs - this.#atMs) * refill + characters * msPerCharacter
    this.#leftMs = Math.min(reserveMs, this.#leftMs + more)
    this.#atMs = nowMs
  }
}
