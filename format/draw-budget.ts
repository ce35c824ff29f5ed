/**
 * What may be spent before output counts as hostile. Drawing is sliced and the page stays alive, so this is waiting and
 * no hang; and what is left out is missing from what a reviewer sees, so it is long.
 */
const reserveMs = 10_000
/** Ordinary output takes 0.1 µs a character on two idle cores; fifty times that is still ordinary on a busy machine. */
const msPerCharacter = 0.005
/** While nothing hostile comes, the reserve fills up again at this share of the time. */
const refill = 0.5

/** How much drawing time recorded output may still take. */
export class DrawBudget {
  readonly #now: () => number
  #leftMs = reserveMs
  #atMs: number

  constructor(now = () => performance.now()) {
    this.#now = now
    this.#atMs = now()
  }

  get spent(): boolean {
    this.#fill(0)
    return this.#leftMs < 0
  }

  take(characters: number, tookMs: number): void {
    this.#fill(characters)
    this.#leftMs -= tookMs
  }

  #fill(characters: number): void {
    const nowMs = this.#now()
    const more = (nowMs - this.#atMs) * refill + characters * msPerCharacter
    this.#leftMs = Math.min(reserveMs, this.#leftMs + more)
    this.#atMs = nowMs
  }
}
