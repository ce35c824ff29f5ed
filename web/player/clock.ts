/** A place in the recording that moves with the wall clock, times the speed, while it runs. µs since the start. */
export class Clock {
  #atUs = 0
  #sinceMs = 0
  #running = false
  #speed = 1

  get running(): boolean {
    return this.#running
  }

  now(): number {
    return this.#running ? this.#atUs + (performance.now() - this.#sinceMs) * 1000 * this.#speed : this.#atUs
  }

  set(timeUs: number): void {
    this.#atUs = timeUs
    this.#sinceMs = performance.now()
  }

  run(running: boolean): void {
    this.set(this.now())
    this.#running = running
  }

  speed(speed: number): void {
    this.set(this.now())
    this.#speed = speed
  }
}
