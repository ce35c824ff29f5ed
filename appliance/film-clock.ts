/** Even steps through a recording's time, of which idle time is cut. */
export class FilmClock {
  readonly #idleUs: number
  readonly #stepUs: number
  #lastUs = 0
  #cutUs = 0
  #shots = 0

  constructor({ idleUs, stepUs }: { idleUs: number; stepUs: number }) {
    this.#idleUs = idleUs
    this.#stepUs = stepUs
  }

  /** The moments of all pictures before `timeUs`, when something happens. */
  *until(timeUs: number): Generator<{ timeUs: number; filmUs: number }> {
    const cutHereUs = Math.max(0, timeUs - this.#lastUs - this.#idleUs)
    for (; this.#shots * this.#stepUs < timeUs - this.#cutUs - cutHereUs; this.#shots++) {
      const filmUs = this.#shots * this.#stepUs
      yield { timeUs: filmUs + this.#cutUs, filmUs }
    }
    this.#cutUs += cutHereUs
    this.#lastUs = Math.max(this.#lastUs, timeUs)
  }

  /** Of what happened last. */
  get end(): { timeUs: number; filmUs: number } {
    return { timeUs: this.#lastUs, filmUs: this.#lastUs - this.#cutUs }
  }
}
