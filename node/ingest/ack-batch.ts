import type { Synced } from '../../disk/durable-file.ts'
import { channelsMax } from '../../wire/limits.ts'
import type { NodeMessage } from '../../wire/messages.ts'

/** Acks of one connection, sent together: thousands of slow channels make a few messages a second. */
export class AckBatch {
  readonly #send: (message: NodeMessage) => void
  readonly #delayMs: number
  readonly #acks = new Map<number, [offset: number, limit: number]>()
  #timer: NodeJS.Timeout | undefined

  constructor(send: (message: NodeMessage) => void, delayMs: number) {
    this.#send = send
    this.#delayMs = delayMs
  }

  /** `proof` covers everything below `offset`: without a sync there is nothing to acknowledge (I1). */
  ack(_proof: Synced, channel: number, offset: number, limit: number): void {
    this.#put(channel, offset, limit)
  }

  /** More credit for what was acknowledged before. */
  credit(channel: number, acked: number, limit: number): void {
    this.#put(channel, acked, limit)
  }

  forget(channel: number): void {
    this.#acks.delete(channel)
  }

  /** Sends what waits. Called before a message that must come after the acks. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#acks.size === 0) return
    const acks = Array.from(this.#acks, ([channel, [offset, limit]]): [number, number, number] => [
      channel,
      offset,
      limit,
    ])
    this.#acks.clear()
    this.#send({ type: 'acks', acks })
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#acks.clear()
  }

  #put(channel: number, offset: number, limit: number): void {
    this.#acks.set(channel, [offset, limit])
    if (this.#acks.size >= channelsMax) this.flush()
    else this.#timer ??= setTimeout(() => this.flush(), this.#delayMs)
  }
}
