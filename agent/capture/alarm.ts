/** A wait that can be ended early. A ring while nobody waits ends the next wait at once. */
export class Alarm {
  #rung = false
  #ring: (() => void) | undefined

  ring(): void {
    if (this.#ring) this.#ring()
    else this.#rung = true
  }

  wait(ms: number): Promise<void> {
    if (this.#rung) {
      this.#rung = false
      return Promise.resolve()
    }
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        this.#ring = undefined
        resolve()
      }
      const timer = setTimeout(done, ms)
      this.#ring = done
    })
  }
}
