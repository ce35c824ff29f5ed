import { FormatError } from '../../format/format-error.ts'
import type { Crypto } from '../../format/ports.ts'
import { channelsMax } from '../../wire/limits.ts'
import type { NodeMessage } from '../../wire/messages.ts'
import { WireError } from '../../wire/wire-error.ts'
import { type AgentIdentity, signingAs } from '../identity.ts'
import type { AgentLog } from '../log.ts'
import type { Spool } from '../queue/spool.ts'
import type { SpooledStream } from '../queue/spooled-stream.ts'
import { type ChannelPort, UplinkChannel } from './channel.ts'
import type { FarmConnection, OpenMessage } from './farm-connection.ts'

// The channels of one connection. Sessions that run come first, since somebody may watch them; then the oldest.

/** The socket holds at most about this much unsent: more would only wait in memory instead of on disk. */
const socketBytesMax = 1024 * 1024
/** Changes within this are looked at together. */
const openDelayMs = 50
/** A channel that a node refused, or that failed here, is opened again after this. */
const reopenMs = 5_000
/** Messages that wait for the disk; a node that sends so many does not mean well. */
const workMax = 4 * channelsMax

export interface ChannelSetOptions {
  identity: AgentIdentity
  crypto: Crypto
  spool: Spool
  log: AgentLog
  onWatched(spooled: SpooledStream, watched: boolean): void
  /** The farm has other bytes under this id: go on in a new recording. */
  onFork(recording: string): Promise<void>
  /** The recording was deleted in the farm. */
  onDiscarded(recording: string): Promise<void>
  /** Highest offset acknowledged, by any node; by the streams' keys. */
  acked: Map<string, number>
  /** Open at once; tests have fewer. */
  channelsMax?: number
}

type ChannelError = Extract<NodeMessage, { type: 'error' }>

export class ChannelSet {
  readonly #connection: FarmConnection
  readonly #options: ChannelSetOptions
  readonly #channels = new Map<number, UplinkChannel>()
  readonly #byStream = new Map<string, UplinkChannel>()
  readonly #notBeforeMs = new Map<string, number>()
  readonly #port: ChannelPort
  readonly #work = new Set<Promise<void>>()
  /** The node has stored something. */
  hasProgress = false
  #next = 1
  #full = false
  #waiting = false
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(connection: FarmConnection, options: ChannelSetOptions) {
    this.#connection = connection
    this.#options = options
    this.#port = {
      isFull: () => {
        this.#full = connection.bufferedBytes > socketBytesMax
        return this.#full || !connection.isOpen
      },
      control: (message) => connection.control(message),
      data: (message) => connection.data(message, () => this.#left()),
    }
    this.openMore()
  }

  /** More of a stream can be sent. */
  notify(spooled: SpooledStream): void {
    const channel = this.#byStream.get(spooled.key)
    if (channel) channel.pump()
    else this.#openSoon()
  }

  /** Throws WireError for what no honest node sends. */
  onMessage(message: OpenMessage): void {
    switch (message.type) {
      case 'acks':
        for (const [id, offset, limit] of message.acks) this.#onAck(id, offset, limit)
        return
      case 'opened':
        this.#channels.get(message.channel)?.opened(message)
        return
      case 'live':
        this.#onLive(message.channel, message.on)
        return
      case 'receipt':
        this.#inTurn(message.channel, (channel) => this.#onReceipt(channel, message.receipt))
        return
      case 'error':
        if (message.channel !== undefined)
          this.#inTurn(message.channel, (channel) => this.#onRefused(channel, message))
        return
      case 'drain':
      case 'decision':
        return
      default:
        message satisfies never
    }
  }

  /** Resolves when nothing of it touches the queue any more. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await Promise.all([...this.#channels.values()].map((channel) => channel.close()))
    await Promise.all(this.#work)
    for (const channel of [...this.#channels.values()]) this.#drop(channel)
  }

  /** Opens what waits, as far as there are channels. */
  openMore(): void {
    if (this.#closed || !this.#connection.isOpen) return
    const nowMs = performance.now()
    const wanted = this.#options.spool.streams.filter(
      (spooled) =>
        !this.#byStream.has(spooled.key) &&
        (this.#notBeforeMs.get(spooled.key) ?? 0) <= nowMs &&
        this.#mayOpen(spooled),
    )
    const running = wanted.filter(({ record }) => record.endSize === undefined)
    const ended = wanted.filter(({ record }) => record.endSize !== undefined)
    this.#waiting = false
    for (const spooled of [...running, ...ended]) {
      const isFull = this.#channels.size >= (this.#options.channelsMax ?? channelsMax)
      if (isFull && !this.#hasMore(spooled)) continue
      this.#waiting = isFull && !this.#giveUpIdle()
      if (this.#waiting) return
      this.#open(spooled)
    }
  }

  #open(spooled: SpooledStream): void {
    const { identity, crypto } = this.#options
    const { signer } = signingAs(identity, spooled.record.agent)
    const { farmKey } = identity
    const channel = new UplinkChannel(
      {
        channel: this.#next++,
        spooled,
        port: this.#port,
        signer,
        crypto,
        farmKey,
        onPlaced: (place) => this.#onPlaced(spooled, place),
        onFailed: (error) => this.#onFailed(channel, error),
      },
      this.#ackedOf(spooled),
    )
    this.#channels.set(channel.id, channel)
    this.#byStream.set(spooled.key, channel)
    channel.open()
  }

  // A recording's streams lie in one place: the first to be opened is the timeline, and the others wait for its place.
  #mayOpen({ durable, recording, record }: SpooledStream): boolean {
    if (durable === 0) return false
    return record.stream === 'cast' || record.place !== undefined || !this.#options.spool.get(recording)
  }

  #hasMore(spooled: SpooledStream): boolean {
    return spooled.record.endSize !== undefined || this.#ackedOf(spooled) < spooled.durable
  }

  // True when a channel became free.
  #giveUpIdle(): boolean {
    for (const channel of this.#channels.values()) {
      if (!channel.isIdle) continue
      this.#connection.control({ type: 'close', channel: channel.id })
      this.#drop(channel)
      return true
    }
    return false
  }

  #drop(channel: UplinkChannel): void {
    this.#channels.delete(channel.id)
    this.#byStream.delete(channel.spooled.key)
    if (channel.isWatched) this.#options.onWatched(channel.spooled, false)
    void channel.close()
  }

  // They are about to go from the queue: not opened again meanwhile, and what nodes acknowledged counts no more.
  #forget(streams: readonly SpooledStream[]): void {
    for (const { key } of streams) {
      this.#notBeforeMs.set(key, performance.now() + reopenMs)
      const channel = this.#byStream.get(key)
      if (channel) this.#drop(channel)
      this.#options.acked.delete(key)
    }
  }

  #ackedOf(spooled: SpooledStream): number {
    return Math.max(this.#options.acked.get(spooled.key) ?? 0, spooled.receiptOffset)
  }

  #openSoon(delayMs = openDelayMs): void {
    if (this.#closed || (this.#timer && delayMs === openDelayMs)) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.openMore()
    }, delayMs)
  }

  #left(): void {
    if (!this.#full || this.#connection.bufferedBytes > socketBytesMax / 2) return
    this.#full = false
    for (const channel of this.#channels.values()) channel.pump()
  }

  #onAck(id: number, offset: number, limit: number): void {
    const channel = this.#channels.get(id)
    if (!channel) return
    const before = channel.acked
    channel.ack(offset, limit)
    if (channel.acked > before) this.hasProgress = true
    this.#options.acked.set(channel.spooled.key, channel.acked)
    if (this.#waiting && channel.isIdle) this.#openSoon()
  }

  #onLive(id: number, on: boolean): void {
    const channel = this.#channels.get(id)
    if (!channel) return
    channel.isWatched = on
    this.#options.onWatched(channel.spooled, on)
  }

  #onPlaced({ recording }: SpooledStream, place: string): void {
    const others = this.#options.spool.streamsOf(recording).filter(({ record }) => record.place === undefined)
    for (const other of others)
      other.update({ place }).then(
        () => this.#openSoon(),
        // It is placed when the timeline is opened again.
        (error: Error) => this.#tellFailed(other, error),
      )
  }

  async #onReceipt(channel: UplinkChannel, receipt: string): Promise<void> {
    const meaning = await channel.receipt(receipt)
    if (meaning === 'more') return
    const { spool, onDiscarded } = this.#options
    const { spooled } = channel
    const gone = meaning === 'discarded' ? spool.streamsOf(spooled.recording) : [spooled]
    this.#forget(gone)
    if (meaning === 'discarded') await onDiscarded(spooled.recording)
    for (const each of gone) await spool.remove(each)
    if (this.#waiting) this.#openSoon()
  }

  async #onRefused(channel: UplinkChannel, { code, text, hint }: ChannelError): Promise<void> {
    const { spooled } = channel
    const { recording } = spooled
    const { log, spool, onFork } = this.#options
    log.warn({ code, recording, hint }, text)
    this.#later(channel)
    if (code === 'fork' || code === 'recording') {
      this.#forget(spool.streamsOf(recording))
      await onFork(recording)
    } else if (code === 'place') await spooled.forgetPlace()
  }

  #onFailed(channel: UplinkChannel, error: Error): void {
    if (this.#channels.get(channel.id) !== channel) return
    this.#tellFailed(channel.spooled, error)
    this.#connection.control({ type: 'close', channel: channel.id })
    this.#later(channel)
  }

  #tellFailed({ recording }: SpooledStream, error: Error): void {
    const { code, message } = error as NodeJS.ErrnoException
    this.#options.log.error(
      { code: 'send-failed', recording, errno: code, error: message },
      'sending is retried',
    )
  }

  #later(channel: UplinkChannel): void {
    this.#notBeforeMs.set(channel.spooled.key, performance.now() + reopenMs)
    this.#drop(channel)
    setTimeout(() => this.openMore(), reopenMs + 1).unref()
  }

  async #onUntrue(channel: UplinkChannel, error: Error): Promise<void> {
    const { code, message } = error as WireError
    if (!(error instanceof WireError || error instanceof FormatError)) this.#onFailed(channel, error)
    else if (code !== 'fork') this.#connection.fail(message)
    else if (this.#channels.get(channel.id) === channel) {
      this.#connection.control({ type: 'close', channel: channel.id })
      await this.#onRefused(channel, { type: 'error', code, text: message, hint: '' })
    }
  }

  // What touches the disk: in the order of the messages, for each stream by itself.
  #inTurn(id: number, work: (channel: UplinkChannel) => Promise<void>): void {
    const channel = this.#channels.get(id)
    if (!channel) return
    if (this.#work.size >= workMax) throw new WireError('state', 'The node says more than can be done.')
    const done = channel
      .inTurn(async () => {
        if (this.#channels.get(id) === channel) await work(channel)
      })
      .catch((error: Error) => this.#onUntrue(channel, error))
      .finally(() => this.#work.delete(done))
    this.#work.add(done)
  }
}
