import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { toBase64url } from '../../format/bytes.ts'
import type { Crypto } from '../../format/ports.ts'
import type { Facts } from '../../format/records.ts'
import { agentPath, channelsMax, controlBytesMax, heartbeatMs, subprotocol } from '../../wire/limits.ts'
import { encodeMessage, helloBytes, type NodeMessage, parseNodeMessage } from '../../wire/messages.ts'
import { WireError } from '../../wire/wire-error.ts'
import type { AgentIdentity } from '../identity.ts'
import type { AgentLog } from '../log.ts'
import type { Spool } from '../queue/spool.ts'
import { Backoff } from './backoff.ts'
import { type ChannelPort, socketBytesMax, UplinkChannel } from './channel.ts'

// The agent's one connection to the farm.
//
//   away ── connect ──▶ greeting ── challenge, hello, welcome ──▶ connected ── lost, refused, drain ──▶ away, after a wait

/** A node that does not greet in this time is left for another. */
const greetingMsMax = 15_000
/** A channel that a node refused is opened again after this. */
const reopenMs = 5_000

export interface UplinkOptions {
  /** `https://host:port` of the farm. */
  url: string
  /** PEM of who signs the farm's TLS certificate; without it, the system's authorities. */
  ca?: string
  version: string
  identity: AgentIdentity
  crypto: Crypto
  spool: Spool
  log: AgentLog
  onWatched(recording: string, watched: boolean): void
  /** The farm has other bytes under this id: go on in a new recording. */
  onFork(recording: string): Promise<void>
  /** The recording was deleted in the farm. */
  onDiscarded(recording: string): Promise<void>
}

/** What is recorded of a session, and whether its user is told. */
export interface Decision {
  screen: 'entire' | 'events' | 'none'
  notify: boolean
}

export interface ConnectionStatus {
  state: 'away' | 'greeting' | 'connected'
  node?: string
  /** ms since the epoch. */
  sinceMs: number
  lastError?: string
}

export class Uplink {
  readonly #options: UplinkOptions
  readonly #closing = new AbortController()
  readonly #backoff = new Backoff()
  readonly #channels = new Map<number, UplinkChannel>()
  /** What nodes acknowledged, also across connections. */
  readonly #acked = new Map<string, number>()
  readonly #waitUntilMs = new Map<string, number>()
  readonly #asks = new Map<number, (decision: Decision | undefined) => void>()
  readonly #instance = randomUUID()
  #nextAsk = 1
  #nextChannel = 1
  #socket: WebSocket | undefined
  #status: ConnectionStatus = { state: 'away', sinceMs: Date.now() }
  #running: Promise<void> | undefined
  #work: Promise<void> = Promise.resolve()

  constructor(options: UplinkOptions) {
    this.#options = options
  }

  get status(): ConnectionStatus {
    return this.#status
  }

  acked(recording: string): number {
    return this.#acked.get(recording) ?? 0
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** A recording was added, or more of it is durable. */
  notify(recording?: string): void {
    if (this.#status.state !== 'connected') return
    for (const channel of this.#channels.values()) {
      if (channel.recording !== recording) continue
      channel.pump()
      return
    }
    this.#openChannels()
  }

  /** What the farm says about a session that is about to begin; `undefined` when it says nothing within `waitMs`. */
  decide(facts: Facts, waitMs: number): Promise<Decision | undefined> {
    if (this.#status.state !== 'connected') return Promise.resolve(undefined)
    const ask = this.#nextAsk++
    const { promise, resolve } = Promise.withResolvers<Decision | undefined>()
    const timer = setTimeout(() => resolve(undefined), waitMs)
    this.#asks.set(ask, resolve)
    this.#socket?.send(encodeMessage({ type: 'decide', ask, facts }))
    return promise.finally(() => {
      clearTimeout(timer)
      this.#asks.delete(ask)
    })
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#socket?.close(1001)
    await this.#running
    await this.#work
  }

  async #run(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      const reason = await this.#connection()
      for (const channel of this.#channels.values()) await channel.close()
      this.#channels.clear()
      this.#setStatus({ state: 'away', ...(reason && { lastError: reason }) })
      await sleep(this.#backoff.next(), undefined, { signal: this.#closing.signal }).catch(() => undefined)
    }
  }

  // Resolves when the connection has ended, with why. Never rejects.
  #connection(): Promise<string | undefined> {
    const { url, ca, log } = this.#options
    const socket = new WebSocket(new URL(agentPath, url.replace(/^http/, 'ws')), subprotocol, {
      ...(ca !== undefined && { ca }),
      perMessageDeflate: false,
      maxPayload: controlBytesMax,
      handshakeTimeout: greetingMsMax,
      skipUTF8Validation: true,
    })
    this.#socket = socket
    this.#setStatus({ state: 'greeting' })
    let reason: string | undefined
    let alive = true
    const greeting = setTimeout(() => this.#fail(socket, 'the node did not greet'), greetingMsMax)
    // The node pings; silence of three beats means that a middlebox or a host is gone.
    const beat = setInterval(() => {
      if (!alive) this.#fail(socket, 'the node is silent')
      alive = false
    }, 3 * heartbeatMs)
    socket.on('ping', () => {
      alive = true
    })
    socket.on('message', (data, isBinary) => {
      alive = true
      if (isBinary) return this.#fail(socket, 'the node sent bytes')
      try {
        const message = parseNodeMessage(data.toString())
        if (message.type === 'welcome') clearTimeout(greeting)
        if (message.type === 'error' && message.channel === undefined)
          reason = `${message.text} [${message.code}]`
        this.#onMessage(socket, message)
      } catch (error) {
        reason = (error as Error).message
        this.#fail(socket, reason)
      }
    })
    socket.on('error', (error) => {
      reason ??= error.message
    })
    return new Promise((resolve) => {
      socket.on('close', (code, text) => {
        clearTimeout(greeting)
        clearInterval(beat)
        reason ??= text.length > 0 ? text.toString() : `closed with ${code}`
        if (!this.#closing.signal.aborted && this.#status.lastError !== reason)
          log.warn({ code: 'uplink', url, reason }, 'no connection')
        resolve(reason)
      })
    })
  }

  #onMessage(socket: WebSocket, message: NodeMessage): void {
    switch (message.type) {
      case 'challenge':
        this.#hello(socket, message.nonce, message.farm)
        return
      case 'welcome':
        this.#backoff.reset()
        this.#setStatus({ state: 'connected', node: message.node })
        this.#options.log.info({ code: 'connected', node: message.node }, 'connected')
        this.#openChannels()
        return
      case 'acks':
        for (const [id, offset, limit] of message.acks) {
          const channel = this.#channels.get(id)
          channel?.ack(offset, limit)
          if (channel) this.#acked.set(channel.recording, channel.acked)
        }
        return
      case 'decision':
        this.#asks.get(message.ask)?.({ screen: message.screen, notify: message.notify })
        return
      case 'drain':
        // Another node behind the balancer takes over; this one finishes what it has.
        this.#backoff.reset()
        return
      case 'error':
        if (message.channel !== undefined) this.#inOrder(socket, () => this.#refused(message))
        else if (message.code !== 'replaced')
          this.#options.log.error({ code: message.code, hint: message.hint }, message.text)
        return
      case 'opened':
      case 'receipt':
      case 'live':
        this.#inOrder(socket, () => this.#onChannel(message))
        return
      default:
        message satisfies never
    }
  }

  #hello(socket: WebSocket, nonce: string, farm: string): void {
    const { identity, version } = this.#options
    if (farm !== identity.farm)
      throw new WireError('farm', `Expected the farm ${identity.farm}, this node belongs to ${farm}.`)
    const signature = toBase64url(identity.signer.sign(helloBytes(nonce, farm)))
    const { machine, host, certificate } = identity
    const instance = this.#instance
    socket.send(encodeMessage({ type: 'hello', version, machine, host, certificate, signature, instance }))
  }

  #openChannels(): void {
    const socket = this.#socket
    if (!socket || this.#status.state !== 'connected') return
    const { spool, identity, crypto } = this.#options
    const open = new Set([...this.#channels.values()].map((channel) => channel.recording))
    const port: ChannelPort = {
      get bufferedBytes() {
        return socket.bufferedAmount
      },
      fail: (error) => this.#fail(socket, error.message),
      control: (message) => socket.send(encodeMessage(message)),
      data: (message) =>
        socket.send(message, () => {
          if (socket.bufferedAmount <= socketBytesMax / 2) this.#pumpAll()
        }),
    }
    for (const spooled of spool.recordings) {
      if (this.#channels.size >= channelsMax) return
      if (open.has(spooled.recording) || (this.#waitUntilMs.get(spooled.recording) ?? 0) > Date.now())
        continue
      const id = this.#nextChannel++
      const { signer, farmKey } = identity
      const channel = new UplinkChannel(
        { channel: id, spooled, port, signer, crypto, farmKey },
        this.#ackedOf(spooled.recording),
      )
      this.#channels.set(id, channel)
      channel.open()
    }
  }

  #ackedOf(recording: string): number {
    const known = this.#acked.get(recording)
    if (known !== undefined) return known
    const { spool, identity, crypto } = this.#options
    const acked = spool.get(recording)?.acknowledged(identity.farmKey, crypto) ?? 0
    this.#acked.set(recording, acked)
    return acked
  }

  #pumpAll(): void {
    for (const channel of this.#channels.values()) channel.pump()
  }

  async #onChannel(message: Extract<NodeMessage, { type: 'opened' | 'receipt' | 'live' }>): Promise<void> {
    const channel = this.#channels.get(message.channel)
    if (!channel) return
    if (message.type === 'live') return this.#options.onWatched(channel.recording, message.on)
    if (message.type === 'opened') return channel.opened(message)
    const meaning = await channel.receipt(message.receipt)
    if (meaning === 'more') return
    this.#channels.delete(message.channel)
    await channel.close()
    if (meaning === 'discarded') await this.#options.onDiscarded(channel.recording)
    await this.#options.spool.remove(channel.recording)
    this.#acked.delete(channel.recording)
    this.#openChannels()
  }

  async #refused(message: Extract<NodeMessage, { type: 'error' }>): Promise<void> {
    const channel = this.#channels.get(message.channel!)
    if (!channel) return
    this.#channels.delete(message.channel!)
    await channel.close()
    const { log, onFork } = this.#options
    log.warn({ code: message.code, recording: channel.recording, hint: message.hint }, message.text)
    if (message.code === 'fork' || message.code === 'recording') return onFork(channel.recording)
    this.#waitUntilMs.set(channel.recording, Date.now() + reopenMs)
    setTimeout(() => this.#openChannels(), reopenMs + 1).unref()
  }

  // Receipts and openings touch the disk: one after the other, as they came.
  #inOrder(socket: WebSocket, work: () => void | Promise<void>): void {
    this.#work = this.#work
      .then(() => (socket === this.#socket ? work() : undefined))
      .catch((error: Error) => this.#fail(socket, error.message))
  }

  #fail(socket: WebSocket, reason: string): void {
    this.#options.log.warn({ code: 'uplink', reason }, 'the connection is given up')
    socket.terminate()
  }

  #setStatus(status: Omit<ConnectionStatus, 'sinceMs'>): void {
    this.#status = { ...status, sinceMs: Date.now() }
  }
}
