import { dataBytesMax } from './limits.ts'
import { WireError } from './wire-error.ts'

// The agent's side of one channel: what may be sent next, and what is known to be stored.
//
//   opening ── opened ──▶ open ── finish sent ──▶ finishing ── final receipt ──▶ closed
//
// While open: acked <= next <= limit. A new connection starts again at `opening`, with what it acknowledged before.

export class ChannelSender {
  #next = 0
  #limit = 0
  #acked: number
  #open = false

  constructor(acked: number) {
    this.#acked = acked
  }

  get acked(): number {
    return this.#acked
  }

  get next(): number {
    return this.#next
  }

  get isOpen(): boolean {
    return this.#open
  }

  opened(offset: number, limit: number): void {
    if (offset > this.#acked)
      throw new WireError(
        'opened',
        `The node opened at ${offset}, above the ${this.#acked} bytes it acknowledged.`,
      )
    this.#open = true
    this.#next = offset
    this.#acked = offset
    this.#limit = limit
  }

  ack(offset: number, limit: number): void {
    if (offset > this.#next)
      throw new WireError('ack', `The node acknowledged ${offset}; ${this.#next} were sent.`)
    this.#acked = Math.max(this.#acked, offset)
    this.#limit = Math.max(this.#limit, limit)
  }

  /** How many bytes may go now in one message, if the queue has durable bytes up to `available`. */
  sendable(available: number): number {
    return this.#open
      ? Math.max(0, Math.min(dataBytesMax, available - this.#next, this.#limit - this.#next))
      : 0
  }

  sent(bytes: number): void {
    this.#next += bytes
  }

  /** A GAP took the place of bytes up to `to`; `from` may lie below what was sent when the store lost its tail. */
  skipped(to: number): void {
    this.#next = to
  }
}
