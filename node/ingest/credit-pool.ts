// What agents may send before it is synced is memory of this worker. One pool bounds it. Half of it is for first grants
// alone, so however many busy channels hang on a dead store, thousands of others still move; of the other half a channel
// may hold at most an eighth of what is free.

/** Below this a channel moves in crumbs; 5,000 slow ones take 80 MB of it. */
const firstGrantBytes = 16 * 1024
const freeShare = 8

export class CreditPool {
  readonly #bytesMax: number
  readonly #channelBytesMax: number
  #reserved = 0
  readonly #starved = new Set<() => void>()

  constructor(bytesMax: number, channelBytesMax: number) {
    this.#bytesMax = bytesMax
    this.#channelBytesMax = channelBytesMax
  }

  get reservedBytes(): number {
    return this.#reserved
  }

  /**
   * How far ahead of the last synced byte a channel may now be, which holds `held` and wants `wanted`; at least `held`.
   * Reserves the difference.
   */
  grow(held: number, wanted: number): number {
    const free = this.#bytesMax - this.#reserved
    const fair = Math.floor((free + held - this.#bytesMax / 2) / freeShare)
    const window = Math.min(wanted, this.#channelBytesMax, Math.max(fair, Math.min(firstGrantBytes, free)))
    const more = Math.max(0, Math.min(window - held, free))
    this.#reserved += more
    return held + more
  }

  release(bytes: number): void {
    this.#reserved -= bytes
    if (bytes === 0 || this.#starved.size === 0) return
    const waiting = [...this.#starved]
    this.#starved.clear()
    for (const wake of waiting) wake()
  }

  /** `wake` is called once, when something has been released. */
  wait(wake: () => void): void {
    this.#starved.add(wake)
  }

  forget(wake: () => void): void {
    this.#starved.delete(wake)
  }
}

/** The window of one channel: doubles while it is used up, so a busy stream soon has all and an idle one holds little. */
export class ChannelCredit {
  readonly #pool: CreditPool
  readonly #wake: () => void
  #held = 0
  #wanted = firstGrantBytes

  constructor(pool: CreditPool, wake: () => void) {
    this.#pool = pool
    this.#wake = wake
  }

  /** Bytes from the last synced one that the agent may be ahead. `usedBytes` became durable since the last call. */
  renew(usedBytes: number): number {
    const used = Math.min(usedBytes, this.#held)
    this.#held -= used
    if (usedBytes * 2 >= this.#wanted) this.#wanted = Math.min(this.#wanted * 2, 2 ** 30)
    else if (usedBytes * 8 < this.#wanted) this.#wanted = Math.max(firstGrantBytes, this.#wanted / 2)
    this.#pool.release(used)
    this.#held = this.#pool.grow(this.#held, this.#wanted)
    if (this.#held === 0) this.#pool.wait(this.#wake)
    return this.#held
  }

  close(): void {
    this.#pool.forget(this.#wake)
    this.#pool.release(this.#held)
    this.#held = 0
  }
}
