import { toBase64url } from '../../format/bytes.ts'
import type { Crypto, Signer } from '../../format/ports.ts'
import { skippableHeaderBytes } from '../../format/skippable.ts'
import { recordHash } from '../../format/stream-writer.ts'
import { openToken } from '../../format/token.ts'
import { writeDataHeader } from '../../wire/data-message.ts'
import { dataBytesMax, dataHeaderBytes } from '../../wire/limits.ts'
import type { AgentMessage, NodeMessage } from '../../wire/messages.ts'
import { ChannelSender } from '../../wire/sender.ts'
import { WireError } from '../../wire/wire-error.ts'
import type { SpooledRecording } from '../queue/spooled-recording.ts'
import { boundaryAt, storeGap } from './store-gap.ts'

// One recording on one connection: sends what is durable here, in order, as far as the node's credit goes, and deletes
// below what the node has receipts for.

/** The socket holds at most about this much unsent: more would only wait in memory instead of on disk. */
export const socketBytesMax = 1024 * 1024

export interface ChannelPort {
  readonly bufferedBytes: number
  control(message: AgentMessage): void
  data(message: Uint8Array): void
  /** The connection cannot go on. */
  fail(error: Error): void
}

export interface ChannelOptions {
  channel: number
  spooled: SpooledRecording
  port: ChannelPort
  signer: Signer
  crypto: Crypto
  farmKey: Uint8Array
}

export class UplinkChannel {
  readonly #options: ChannelOptions
  readonly #sender: ChannelSender
  #finishSent = false
  #closed = false
  #pumping: Promise<void> | undefined
  #again = false

  constructor(options: ChannelOptions, acked: number) {
    this.#options = options
    this.#sender = new ChannelSender(acked)
  }

  get recording(): string {
    return this.#options.spooled.recording
  }

  get acked(): number {
    return this.#sender.acked
  }

  open(): void {
    const { channel, spooled, port } = this.#options
    const { recording, session, place, receipt } = spooled.record
    port.control({
      type: 'open',
      channel,
      recording,
      stream: 'cast',
      acked: this.#sender.acked,
      oldest: spooled.oldest,
      facts: session.facts,
      ...(place !== undefined && { place }),
      ...(receipt !== undefined && { receipt }),
    })
  }

  async opened(message: Extract<NodeMessage, { type: 'opened' }>): Promise<void> {
    await this.#pumping
    this.#sender.opened(message.offset, message.limit)
    this.#finishSent = false
    const { spooled } = this.#options
    if (spooled.record.place !== message.place) await spooled.update({ place: message.place })
    this.pump()
  }

  ack(offset: number, limit: number): void {
    this.#sender.ack(offset, limit)
    this.pump()
  }

  /** Resolves with what the receipt means for the whole recording. Throws WireError when it is not true. */
  async receipt(token: string): Promise<'more' | 'final' | 'discarded'> {
    const { spooled, farmKey, crypto } = this.#options
    const receipt = openToken(token, 'receipt', farmKey, crypto)
    if (receipt.recording !== spooled.recording || receipt.stream !== 'cast')
      throw new WireError('receipt', `The receipt is for ${receipt.recording}.`)
    if (receipt.discarded) return 'discarded'
    if (receipt.final) {
      if (receipt.offset !== spooled.record.endSize)
        throw new WireError('receipt', `The final receipt is for ${receipt.offset} bytes.`)
      return 'final'
    }
    if (receipt.offset > this.#sender.next || !(await this.#names(receipt.offset, receipt.seal)))
      throw new WireError('fork', `The receipt at ${receipt.offset} does not name what was sent.`)
    await spooled.acknowledge(receipt.offset, token)
    return 'more'
  }

  /** Sends what can be sent now. Runs once at a time; what changes meanwhile is looked at again. */
  pump(): void {
    this.#again = true
    this.#pumping ??= this.#pump()
      .catch((error: Error) => this.#options.port.fail(error))
      .finally(() => {
        this.#pumping = undefined
      })
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#pumping
  }

  async #pump(): Promise<void> {
    while (this.#again && !this.#closed) {
      this.#again = false
      while (!this.#closed && (await this.#step()))
        if (this.#options.port.bufferedBytes > socketBytesMax) return
    }
  }

  // True when something was sent and more may follow.
  async #step(): Promise<boolean> {
    const { channel, spooled, port, signer } = this.#options
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
    await spooled.markSent(from)
    const queued = await spooled.read(from, Math.min(sendable, dataBytesMax))
    if (this.#closed || sender.next !== from) return false
    if (queued?.kind === 'bytes') {
      const message = new Uint8Array(dataHeaderBytes + queued.bytes.length)
      writeDataHeader(message, channel, from)
      message.set(queued.bytes, dataHeaderBytes)
      port.data(message)
      sender.sent(queued.bytes.length)
      return true
    }
    const gap = queued ?? this.#lostInStore(from, signer)
    if (gap.from !== from)
      throw new WireError('gap', `The node opened at ${from}, inside the GAP from ${gap.from}.`)
    port.control({ type: 'skip', channel, from, to: gap.to, gap: toBase64url(gap.frame) })
    sender.skipped(gap.to)
    return true
  }

  // Nothing lies here at `from`, since the farm once had it: it is lost.
  #lostInStore(from: number, signer: Signer) {
    const { spooled } = this.#options
    const to = spooled.files.find((file) => file.start > from)?.start ?? spooled.durable
    const frame = storeGap(spooled.recording, spooled.record.state, from, to, signer)
    if (!frame) throw new WireError('store', `The farm lost bytes from ${from} on, which is no boundary.`)
    return { from, to, frame }
  }

  async #names(offset: number, seal: string): Promise<boolean> {
    const { spooled, crypto } = this.#options
    if (boundaryAt(spooled.record.state, offset)?.chain === seal) return true
    // END and GAPs that took the place of frames are not among the written parts: look at the file that ends there.
    const file = spooled.files.find(
      ({ start, size }) => start + size === offset || (start < offset && start + size > offset),
    )
    const queued = file && (await spooled.read(file.start, dataBytesMax))
    if (!queued) return false
    if (queued.kind === 'gap')
      return recordHash(queued.frame.subarray(skippableHeaderBytes), crypto.sha256) === seal
    const end = queued.bytes.subarray(skippableHeaderBytes, offset - file.start)
    return recordHash(end, crypto.sha256) === seal
  }
}
