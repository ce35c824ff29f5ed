/** Runs one piece of work after the other, as they came. What fails does not keep the next from its turn. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve()

  take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work, work)
    this.#last = turn.catch(() => undefined)
    return turn
  }

  /** Resolves when everything before has had its turn. */
  async idle(): Promise<void> {
    await this.#last
  }
}
