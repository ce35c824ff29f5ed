import type { Activity } from './index-records.ts'

/** Idle is told by seconds; finer, an index of typing would be as large as the typing. */
const everyUs = 1_000_000
/** One frame's: half an hour has 1,800. Frames of others' making that claim years get coarser ones. */
const countsMax = 4096

/** Counts what is put out, second by second, in the order of time. */
export class ActivityCount {
  #everyUs = everyUs
  #counts = new Map<number, number>()

  add(timeUs: number, amount: number): void {
    const at = Math.floor(timeUs / this.#everyUs)
    this.#counts.set(at, (this.#counts.get(at) ?? 0) + amount)
    while (this.#counts.size > countsMax) this.#coarsen()
  }

  /** What was counted since the last call; `undefined` when nothing was. */
  take(): Activity | undefined {
    if (this.#counts.size === 0) return undefined
    const counts: number[] = []
    let next = 0
    for (const at of [...this.#counts.keys()].sort((a, b) => a - b)) {
      counts.push(at - next, this.#counts.get(at)!)
      next = at + 1
    }
    const taken = { everyUs: this.#everyUs, counts }
    this.#everyUs = everyUs
    this.#counts = new Map()
    return taken
  }

  #coarsen(): void {
    const fine = this.#counts
    this.#everyUs *= 2
    this.#counts = new Map()
    for (const [at, amount] of fine) {
      const wide = Math.floor(at / 2)
      this.#counts.set(wide, (this.#counts.get(wide) ?? 0) + amount)
    }
  }
}

/** Stretches in which something was put out. Times in µs. */
export function* activeSpans({ everyUs: every, counts }: Activity): Generator<{
  startUs: number
  endUs: number
  amount: number
}> {
  let at = 0
  for (let i = 0; i + 1 < counts.length; i += 2) {
    at += counts[i]!
    yield { startUs: at * every, endUs: (at + 1) * every, amount: counts[i + 1]! }
    at += 1
  }
}
