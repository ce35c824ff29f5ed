// File calls take turns: a store that hangs holds its own few threads of libuv's pool and no more, and work that waits
// grows into larger batches instead of a longer queue.

export interface LaneLimits {
  /** In flight for one store. */
  storeCallsMax: number
  /** In flight in all. */
  callsMax: number
}

interface Job {
  lane: string
  run(): Promise<void>
}

export class Lanes {
  readonly #limits: LaneLimits
  readonly #waiting = new Map<string, Job[]>()
  readonly #running = new Map<string, number>()
  #total = 0

  constructor(limits: LaneLimits) {
    this.#limits = limits
  }

  /** Calls `task` when its store's lane has room, in order of asking; settles as it does. */
  run<T>(lane: string, task: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const job = { lane, run: () => task().then(resolve, reject) }
      const queue = this.#waiting.get(lane)
      if (queue) queue.push(job)
      else this.#waiting.set(lane, [job])
      this.#pump()
    })
  }

  // Lanes take turns, so that a long queue of one store does not keep another's waiting.
  #pump(): void {
    for (let found = true; found && this.#total < this.#limits.callsMax; ) {
      found = false
      for (const [lane, queue] of [...this.#waiting]) {
        const running = this.#running.get(lane) ?? 0
        if (running >= this.#limits.storeCallsMax || this.#total >= this.#limits.callsMax) continue
        const job = queue.shift()!
        if (queue.length === 0) this.#waiting.delete(lane)
        this.#running.set(lane, running + 1)
        this.#total += 1
        found = true
        void job.run().finally(() => this.#done(lane))
      }
    }
  }

  #done(lane: string): void {
    this.#total -= 1
    const left = this.#running.get(lane)! - 1
    if (left === 0) this.#running.delete(lane)
    else this.#running.set(lane, left)
    this.#pump()
  }
}
