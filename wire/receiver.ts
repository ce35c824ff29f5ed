import { WireError } from './wire-error.ts'

// The node's side of one channel. Bytes come in order from `next`; what the agent sends twice lies below it and is
// passed over; what lies beyond it means that a message is missing, and the channel is closed with an error.

/** What one channel may have in flight: 20 ms of a 50 MB/s stream. */
export const channelCreditBytesMax = 1024 * 1024
/** And never less than this, so that a recording of thousands still moves. */
export const channelCreditBytesMin = 16 * 1024

/** Shares a worker's memory among its open channels, so that one stuck store starves nobody. */
export function channelCreditBytes(channels: number, workerBytes: number): number {
  const share = Math.floor(workerBytes / Math.max(1, channels))
  return Math.max(channelCreditBytesMin, Math.min(channelCreditBytesMax, share))
}

export class ChannelReceiver {
  #next: number
  #acked: number
  #limit = 0

  constructor(offset: number) {
    this.#next = offset
    this.#acked = offset
  }

  get next(): number {
    return this.#next
  }

  get acked(): number {
    return this.#acked
  }

  /** Absolute offset up to which the agent may send from now on. It never goes back. */
  grant(creditBytes: number): number {
    this.#limit = Math.max(this.#limit, this.#acked + creditBytes)
    return this.#limit
  }

  /** The part of `bytes` that is new. Throws WireError `offset` or `credit`. */
  accept(offset: number, bytes: Uint8Array): Uint8Array {
    if (offset > this.#next)
      throw new WireError('offset', `Expected the byte at ${this.#next}, got ${offset}.`)
    const end = offset + bytes.length
    if (end > this.#limit)
      throw new WireError('credit', `The channel may send up to ${this.#limit}, this goes to ${end}.`)
    if (end <= this.#next) return bytes.subarray(bytes.length)
    const fresh = bytes.subarray(this.#next - offset)
    this.#next = end
    return fresh
  }

  /** A GAP took the place of bytes up to `to`. */
  skip(to: number): void {
    this.#next = to
    this.#limit = Math.max(this.#limit, to)
  }

  ack(offset: number): void {
    this.#acked = Math.max(this.#acked, offset)
  }
}
