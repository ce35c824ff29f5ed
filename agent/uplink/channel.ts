import { toBase64url } from '../../format/bytes.ts'
import type { Crypto, Signer } from '../../format/ports.ts'
import { openToken } from '../../format/token.ts'
import { writeDataHeader } from '../../wire/data-message.ts'
import { dataBytesMax, dataHeaderBytes } from '../../wire/limits.ts'
import type { AgentMessage, NodeMessage } from '../../wire/messages.ts'
import { ChannelSender } from '../../wire/sender.ts'
import { WireError } from '../../wire/wire-error.ts'
import type { SpooledStream } from '../queue/spooled-stream.ts'
import { Turns } from '../queue/turns.ts'
import { namesBoundary } from './boundary.ts'
import { storeGap } from './store-gap.ts'

// One stream on one connection: sends what is durable here, in order, as far as the node's credit goes, and deletes
// below what the node has receipts for.

export interface ChannelPort {
  /** The socket has enough: `pump` again when some of it has left. */
  isFull(): boolean
  control(message: AgentMessage): void
  data(message: Uint8Array): void
}

export interface ChannelOptions {
  channel: number
  spooled: SpooledStream
  port: ChannelPort
  signer: Signer
  crypto: Crypto
  farmKey: Uint8Array
  /** The node has said where the recording lies, and the queue remembers it. */
  onPlaced(place: string): void
  /** The stream's files cannot be read or written now. */
  onFailed(error: Error): void
}

export class UplinkChannel {
  readonly #options: ChannelOptions
  readonly #sender: ChannelSender
  readonly #turns = new Turns()
  /** Somebody watches the stream through this node. */
  isWatched = false
  #openings = 0
  #place: string | undefined
  #finishSent = false
  #closed = false
  #pumping: Promise<void> | undefined
  #again = false

  constructor(options: ChannelOptions, acked: number) {
    this.#options = options
    this.#sender = new ChannelSender(acked)
  }

  get id(): number {
    return this.#options.channel
  }

  get spooled(): SpooledStream {
    return this.#options.spooled
  }

  get acked(): number {
    return this.#sender.acked
  }

  /** The node has all there is, and more may come only later: the channel can be given to another stream. */
  get isIdle(): boolean {
    const { durable, record } = this.#options.spooled
    return this.#sender.isOpen && !this.isWatched && this.acked >= durable && record.endSize === undefined
  }

  open(): void {
    const { channel, spooled, port } = this.#options
    const { recording, stream, session, place, receipt } = spooled.record
    port.control({
      type: 'open',
      channel,
      recording,
      stream,
      acked: this.#sender.acked,
      oldest: spooled.oldest,
      facts: session.facts,
      ...(place !== undefined && { place }),
      ...(receipt !== undefined && { receipt }),
    })
  }

  /** Takes effect at once: acks that follow are counted from here. */
  opened({ offset, limit, place }: Extract<NodeMessage, { type: 'opened' }>): void {
    this.#sender.opened(offset, limit)
    this.#openings += 1
    this.#finishSent = false
    if (this.#place === undefined)
      this.inTurn(() => this.#keepPlace()).catch((error: Error) => this.#options.onFailed(error))
    this.#place = place
    this.pump()
  }

  ack(offset: number, limit: number): void {
    this.#sender.ack(offset, limit)
    this.pump()
  }

  /** Work on the recording's files: one piece after the other, as the node's messages came. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.#turns.take(work)
  }

  /** Resolves with what the receipt means for the whole recording. Throws WireError when it is not true. */
  async receipt(token: string): Promise<'more' | 'final' | 'discarded'> {
    const { spooled, farmKey, crypto } = this.#options
    const receipt = openToken(token, 'receipt', farmKey, crypto)
    const { recording, stream } = spooled.record
    if (receipt.recording !== recording || receipt.stream !== stream)
      throw new WireError('receipt', `The receipt is for the ${receipt.stream} of ${receipt.recording}.`)
    if (receipt.discarded) return 'discarded'
    if (receipt.final && receipt.offset !== spooled.record.endSize)
      throw new WireError('receipt', `The final receipt is for ${receipt.offset} bytes.`)
    // What it covers is gone already.
    if (!receipt.final && receipt.offset <= spooled.oldest) return 'more'
    if (!(await namesBoundary(spooled, receipt.offset, receipt.seal, crypto)))
      throw new WireError('fork', `The receipt at ${receipt.offset} does not name what was sent.`)
    if (receipt.final) return 'final'
    await spooled.acknowledge(receipt.offset, token)
    return 'more'
  }

  /** Sends what can be sent now. Runs once at a time; what changes meanwhile is looked at again. */
  pump(): void {
    this.#again = true
    this.#pumping ??= this.#pump()
      .catch((error: Error) => this.#options.onFailed(error))
      .finally(() => {
        this.#pumping = undefined
      })
  }

  /** Resolves when nothing of it is on its way to the disk any more. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#pumping
    await this.#turns.idle()
  }

  async #keepPlace(): Promise<void> {
    const place = this.#place
    this.#place = undefined
    if (place === undefined) return
    if (place !== this.#options.spooled.record.place) await this.#options.spooled.update({ place })
    this.#options.onPlaced(place)
  }

  async #pump(): Promise<void> {
    while (this.#again && !this.#closed) {
      this.#again = false
      while (!this.#closed && !this.#options.port.isFull() && (await this.#step()));
    }
  }

  // True when something was sent and more may follow.
  async #step(): Promise<boolean> {
    const { channel, spooled, port } = this.#options
    const sender = this.#sender
    if (!sender.isOpen) return false
    if (sender.next === spooled.record.endSize) {
      if (!this.#finishSent) port.control({ type: 'finish', channel, size: sender.next })
      this.#finishSent = true
      return false
    }
    const sendable = sender.sendable(spooled.durable)
    if (sendable <= 0) return false
    const from = sender.next
    const opening = this.#openings
    const queued = (await spooled.take(from, Math.min(sendable, dataBytesMax))) ?? (await this.#lost(from))
    // The node went back meanwhile, or this is over.
    if (this.#closed || opening !== this.#openings) return !this.#closed
    if (queued.kind === 'bytes') {
      const message = new Uint8Array(dataHeaderBytes + queued.bytes.length)
      writeDataHeader(message, channel, from)
      message.set(queued.bytes, dataHeaderBytes)
      port.data(message)
      sender.sent(queued.bytes.length)
      return true
    }
    if (queued.from !== from)
      throw new WireError('gap', `The node opened at ${from}, inside the GAP from ${queued.from}.`)
    port.control({ type: 'skip', channel, from, to: queued.to, gap: toBase64url(queued.frame) })
    sender.skipped(queued.to)
    return true
  }

  // Nothing lies here at `from`, since the farm once had it: it is lost.
  async #lost(from: number) {
    const { spooled, signer } = this.#options
    const gap = storeGap(spooled, from, signer)
    if (!gap) throw new WireError('store', `The farm lost bytes from ${from} on, which is no boundary.`)
    return { kind: 'gap' as const, from, ...gap }
  }
}
