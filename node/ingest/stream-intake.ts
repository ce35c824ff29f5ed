import { ChannelReceiver } from '../../wire/receiver.ts'
import { WireError } from '../../wire/wire-error.ts'
import type { ChannelCredit } from './credit-pool.ts'

// What may come next on a channel, and how far. After a reopening the node expects an earlier offset; what the agent
// sent before it knew lies beyond that and is dropped, until the agent has gone back too.

export class StreamIntake {
  readonly #credit: ChannelCredit
  #receiver = new ChannelReceiver(0)
  #opened = false
  #rewinding = false

  constructor(credit: ChannelCredit) {
    this.#credit = credit
  }

  /** Expects `offset` next. Returns the limit for `opened`. */
  open(offset: number): number {
    this.#rewinding = this.#opened
    this.#opened = true
    this.#receiver = new ChannelReceiver(offset)
    return this.moreCredit()
  }

  /** What of `bytes` is new; `undefined` when nothing. Throws WireError for what no honest agent sends. */
  take(offset: number, bytes: Uint8Array): Uint8Array | undefined {
    if (this.#isStale(offset)) return undefined
    this.#rewinding = false
    const fresh = this.#receiver.accept(offset, bytes)
    return fresh.length > 0 ? fresh : undefined
  }

  /** True when a GAP from `from` to `to` is next, false when it is known. Throws WireError. */
  skip(from: number, to: number): boolean {
    const { next } = this.#receiver
    if (this.#isStale(from) || to <= next) return false
    if (from !== next) throw new WireError('offset', `Expected a skip from ${next}, got one from ${from}.`)
    this.#rewinding = false
    this.#receiver.skip(to)
    return true
  }

  /** True when all of a stream of `size` bytes has come. Throws WireError. */
  finish(size: number): boolean {
    const { next } = this.#receiver
    if (this.#isStale(size)) return false
    if (size !== next) throw new WireError('offset', `Expected to finish at ${next}, got ${size}.`)
    return true
  }

  /** Everything below `offset` is durable, `receivedBytes` of it since the last call. Returns the limit for the ack. */
  durable(offset: number, receivedBytes: number): number {
    this.#receiver.ack(offset)
    return this.#receiver.grant(this.#credit.renew(receivedBytes))
  }

  moreCredit(): number {
    return this.#receiver.grant(this.#credit.renew(0))
  }

  close(): void {
    this.#credit.close()
  }

  #isStale(offset: number): boolean {
    return this.#rewinding && offset > this.#receiver.next
  }
}
