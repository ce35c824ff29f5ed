import { type Clock, systemClock } from './clock.ts'

/** A wait that can be ended early. A ring while nobody waits ends the next wait at once. */
export class Alarm {
  readonly #clock: Clock
  #rung = false
  #ring: (() => void) | undefined

  constructor(clock: Clock = systemClock) {
    this.#clock = clock
  }

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
        cancel()
        this.#ring = undefined
        resolve()
      }
      const cancel = this.#clock.after(ms, done)
      this.#ring = done
    })
  }
}
