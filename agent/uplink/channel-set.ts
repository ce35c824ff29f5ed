import { FormatError } from '../../format/format-error.ts'
import type { Crypto } from '../../format/ports.ts'
import { channelsMax } from '../../wire/limits.ts'
import type { NodeMessage } from '../../wire/messages.ts'
import { WireError } from '../../wire/wire-error.ts'
import { type AgentIdentity, signingAs } from '../identity.ts'
import type { AgentLog } from '../log.ts'
import type { Spool } from '../queue/spool.ts'
import type { SpooledRecording } from '../queue/spooled-recording.ts'
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
  onWatched(recording: string, watched: boolean): void
  /** The farm has other bytes under this id: go on in a new recording. */
  onFork(recording: string): Promise<void>
  /** The recording was deleted in the farm. */
  onDiscarded(recording: string): Promise<void>
  /** Highest offset acknowledged, by any node. */
  acked: Map<string, number>
  /** Open at once; tests have fewer. */
  channelsMax?: number
}

type ChannelError = Extract<NodeMessage, { type: 'error' }>

export class ChannelSet {
  readonly #connection: FarmConnection
  readonly #options: ChannelSetOptions
  readonly #channels = new Map<number, UplinkChannel>()
  readonly #byRecording = new Map<string, UplinkChannel>()
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

  /** More of a recording can be sent. */
  notify(recording: string): void {
    const channel = this.#byRecording.get(recording)
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
    const wanted = this.#options.spool.recordings.filter(
      ({ recording }) =>
        !this.#byRecording.has(recording) && (this.#notBeforeMs.get(recording) ?? 0) <= nowMs,
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

  #open(spooled: SpooledRecording): void {
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
        onFailed: (error) => this.#onFailed(channel, error),
      },
      this.#ackedOf(spooled),
    )
    this.#channels.set(channel.id, channel)
    this.#byRecording.set(channel.recording, channel)
    channel.open()
  }

  #hasMore(spooled: SpooledRecording): boolean {
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
    this.#byRecording.delete(channel.recording)
    if (channel.isWatched) this.#options.onWatched(channel.recording, false)
    void channel.close()
  }

  #ackedOf(spooled: SpooledRecording): number {
    return Math.max(this.#options.acked.get(spooled.recording) ?? 0, spooled.receiptOffset)
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
    this.#options.acked.set(channel.recording, channel.acked)
    if (this.#waiting && channel.isIdle) this.#openSoon()
  }

  #onLive(id: number, on: boolean): void {
    const channel = this.#channels.get(id)
    if (!channel) return
    channel.isWatched = on
    this.#options.onWatched(channel.recording, on)
  }

  async #onReceipt(channel: UplinkChannel, receipt: string): Promise<void> {
    const meaning = await channel.receipt(receipt)
    if (meaning === 'more') return
    const { recording } = channel
    this.#drop(channel)
    if (meaning === 'discarded') await this.#options.onDiscarded(recording)
    this.#options.acked.delete(recording)
    await this.#options.spool.remove(recording)
    if (this.#waiting) this.#openSoon()
  }

  async #onRefused(channel: UplinkChannel, { code, text, hint }: ChannelError): Promise<void> {
    const { recording } = channel
    const { log, spool, onFork, acked } = this.#options
    log.warn({ code, recording, hint }, text)
    this.#later(channel)
    if (code === 'fork' || code === 'recording') {
      await onFork(recording)
      acked.delete(recording)
    } else if (code === 'place') await spool.get(recording)?.forgetPlace()
  }

  #onFailed(channel: UplinkChannel, error: Error): void {
    if (this.#channels.get(channel.id) !== channel) return
    const { recording } = channel
    const { code, message } = error as NodeJS.ErrnoException
    this.#options.log.error(
      { code: 'send-failed', recording, errno: code, error: message },
      'sending is retried',
    )
    this.#connection.control({ type: 'close', channel: channel.id })
    this.#later(channel)
  }

  #later(channel: UplinkChannel): void {
    this.#notBeforeMs.set(channel.recording, performance.now() + reopenMs)
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

  // What touches the disk: in the order of the messages, for each recording by itself.
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
