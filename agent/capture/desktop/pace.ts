// How long to wait between two updates, so that recording a desktop is not felt. Pure: times in ms.
//
// The server draws for the user in the same thread that answers us, and the agent compresses on the same cores. So each
// update is paid for by a rest in proportion, and a busy host or a screen full of video is looked at less often.

/** What a person sees as moving; more would double the cost and show no more of what was done. */
export const intervalMsMin = 100
/** Still a picture twice a second when the host is loaded. */
export const loadedIntervalMs = 500
/** However costly, so much is always seen. */
const intervalMsMax = 2000
/** An update may keep the server and us busy for one part in so many: a tenth of a core is not felt. */
const restShare = 10
/** Stored bytes of one desktop, on average: 7 GB an hour is what a disk and a network bear from one screen of noise. */
const storedBytesPerMs = 2 * 1024
/** Runnable threads for each core: above the one the host is loaded, below the other it is not any more. */
const loadedAbove = 1.5
const calmBelow = 1
/** So long a load is averaged: a compiler's first second is no load yet, and its pauses are no calm. */
const loadAverageMs = 4000

export class Pace {
  #load = 0
  #sampledMs: number | undefined
  #loaded = false

  get isLoaded(): boolean {
    return this.#loaded
  }

  /** `share` = threads of the host that want a core, for each core, at `nowMs`. */
  sample(share: number, nowMs: number): void {
    const sinceMs = this.#sampledMs === undefined ? 0 : nowMs - this.#sampledMs
    this.#load += (share - this.#load) * (1 - Math.exp(-sinceMs / loadAverageMs))
    this.#sampledMs = nowMs
    this.#loaded = this.#load > (this.#loaded ? calmBelow : loadedAbove)
  }

  /** From one request to the next: the update took `busyMs` from its first byte until it was compressed, and `storedBytes`. */
  intervalMs(busyMs: number, storedBytes: number): number {
    const leastMs = this.#loaded ? loadedIntervalMs : intervalMsMin
    return Math.min(intervalMsMax, Math.max(leastMs, busyMs * restShare, storedBytes / storedBytesPerMs))
  }
}
