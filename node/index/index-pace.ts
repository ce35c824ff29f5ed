import { cpus } from 'node:os'

/**
 * Others use more of the machine than this: who sends, who watches, and whose sessions are recorded where the node runs on
 * their host. At niceness 10 a thread still keeps a core for a turn of the scheduler, and its caches and memory for longer.
 */
const busyShare = 0.25
/** Then it works one part in ten. */
const restShare = 9
/** The kernel counts processor time in ticks of 10 ms. */
const sampleMs = 500

interface Sample {
  totalMs: number
  busyMs: number
  ownMs: number
}

/** How long to rest between two pieces of work, so that nobody waits for an index who did not ask for it. */
export class IndexPace {
  readonly #ownCpuMs: () => number
  readonly #machine: typeof machineMs
  #sample: Sample
  #workedMs: number
  #busy = false

  /** `ownCpuMs` = processor time of the thread that works; `machine` = that of all cores. */
  constructor(ownCpuMs: () => number, machine = machineMs) {
    this.#ownCpuMs = ownCpuMs
    this.#machine = machine
    this.#sample = { ...machine(), ownMs: ownCpuMs() }
    this.#workedMs = this.#sample.ownMs
  }

  /** After a piece of work: the rest that it is worth, ms. */
  restMs(): number {
    const ownMs = this.#ownCpuMs()
    const workMs = ownMs - this.#workedMs
    this.#workedMs = ownMs
    this.#look(ownMs)
    return this.#busy ? workMs * restShare : 0
  }

  #look(ownMs: number): void {
    const before = this.#sample
    const { totalMs, busyMs } = this.#machine()
    const passedMs = totalMs - before.totalMs
    if (passedMs < sampleMs * cpus().length) return
    this.#busy = busyMs - before.busyMs - (ownMs - before.ownMs) > busyShare * passedMs
    this.#sample = { totalMs, busyMs, ownMs }
  }
}

function machineMs(): { totalMs: number; busyMs: number } {
  let totalMs = 0
  let idleMs = 0
  for (const { times } of cpus()) {
    totalMs += times.user + times.nice + times.sys + times.idle + times.irq
    idleMs += times.idle
  }
  return { totalMs, busyMs: totalMs - idleMs }
}
