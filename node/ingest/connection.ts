import { randomBytes } from 'node:crypto'
import type { RawData, WebSocket } from 'ws'
import type { Facts } from '../../format/records.ts'
import { parseData } from '../../wire/data-message.ts'
import { channelsMax, controlBytesMax } from '../../wire/limits.ts'
import { type AgentMessage, encodeMessage, type NodeMessage, parseAgentMessage } from '../../wire/messages.ts'
import { WireError } from '../../wire/wire-error.ts'
import { AckBatch } from './ack-batch.ts'
import { Channel } from './channel.ts'
import type { ChannelContext, ChannelPeer } from './channel-context.ts'
import { Heartbeat } from './heartbeat.ts'
import { admit, revoked } from './hello.ts'
import type { OpenMessage } from './open-stream.ts'

// One agent's WebSocket.
//
//   challenged ── hello, allowed ──▶ welcome ── drain ──▶ draining ──▶ closed
//   any ── an error without a channel, silence, revoked ──▶ closed
//
// What was not acknowledged when it closes is sent again on the next connection.

/** RFC 6455: policy violation; going away. */
const closeCodes = { refused: 1008, away: 1001 }

type State = 'challenged' | 'checking' | 'welcome' | 'draining' | 'closed'

export class Connection implements ChannelPeer {
  readonly acks: AckBatch
  readonly sinceMs = Date.now()
  readonly remoteAddress: string
  readonly #context: ChannelContext
  readonly #node: string
  readonly #socket: WebSocket
  readonly #onClosed: () => void
  readonly #nonce = randomBytes(32).toString('base64url')
  readonly #channels = new Map<number, Channel>()
  /** Ended here while the agent may still send: what comes for them is dropped. */
  readonly #ended = new Set<number>()
  readonly #heartbeat: Heartbeat
  readonly #timers: NodeJS.Timeout[] = []
  #state: State = 'challenged'
  #agent = ''
  #host = ''
  #unrecordedLogins: number | undefined

  constructor(
    context: ChannelContext,
    node: string,
    socket: WebSocket,
    remoteAddress: string,
    onClosed: () => void,
  ) {
    this.#context = context
    this.#node = node
    this.#socket = socket
    this.#onClosed = onClosed
    this.remoteAddress = remoteAddress
    this.acks = new AckBatch((message) => this.send(message), context.limits.ackDelayMs)
    socket.on('message', (data, isBinary) => this.#onMessage(data, isBinary))
    socket.on('close', () => this.#onClose())
    // ws closes the socket after an error; what it says is of the peer's making.
    socket.on('error', (error) =>
      this.#context.log.warn({ agent: this.#agent, remoteAddress, err: error }, 'Agent socket'),
    )
    const { heartbeatMs, helloMs } = context.limits
    this.#heartbeat = new Heartbeat(socket, heartbeatMs, {
      alive: () => {
        if (this.isWelcome) context.register.heartbeat(this.#agent)
      },
      gone: () => this.terminate(),
    })
    this.#timers.push(setTimeout(() => this.#expectHello(), helloMs))
    this.send({ type: 'challenge', nonce: this.#nonce, farm: context.tokens.farm, time: Date.now() })
  }

  get agent(): string {
    return this.#agent
  }

  get host(): string {
    return this.#host
  }

  get unrecordedLogins(): number | undefined {
    return this.#unrecordedLogins
  }

  get isWelcome(): boolean {
    return this.#state === 'welcome' || this.#state === 'draining'
  }

  get channels(): Iterable<Channel> {
    return this.#channels.values()
  }

  get channelCount(): number {
    return this.#channels.size
  }

  send(message: NodeMessage): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(encodeMessage(message))
  }

  ended(channel: number): void {
    this.#channels.delete(channel)
    this.#ended.add(channel)
    if (this.#ended.size > 2 * channelsMax) this.#ended.delete(this.#ended.values().next().value!)
  }

  /** Ends the connection, saying why. */
  refuse({ code, message: text, hint }: WireError): void {
    if (this.#state === 'closed') return
    const { agent, remoteAddress } = this
    this.#context.log.warn({ agent, remoteAddress, code }, text)
    this.acks.flush()
    this.send({ type: 'error', code, text, hint })
    this.#shut(closeCodes.refused, code)
  }

  /** Says goodbye, finishes what has come, acknowledges it. What comes from now on is for another node. */
  async drain(reason: string): Promise<void> {
    if (this.#state === 'closed') return
    this.#state = 'draining'
    this.send({ type: 'drain', reason })
    await Promise.all([...this.#channels.values()].map((channel) => channel.settle()))
    this.acks.flush()
    this.#shut(closeCodes.away, reason)
  }

  terminate(): void {
    this.#socket.terminate()
  }

  /** Whether somebody answers at the other end within `waitMs`. */
  answers(waitMs: number): Promise<boolean> {
    if (this.#socket.readyState !== this.#socket.OPEN) return Promise.resolve(false)
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const timer = setTimeout(() => resolve(false), waitMs)
    this.#socket.once('pong', () => resolve(true))
    this.#socket.once('close', () => resolve(false))
    this.#socket.ping()
    return promise.finally(() => clearTimeout(timer))
  }

  async closeChannels(): Promise<void> {
    await Promise.all([...this.#channels.values()].map((channel) => channel.close()))
  }

  #onMessage(data: RawData, isBinary: boolean): void {
    this.#heartbeat.heard()
    if (this.#state === 'closed') return
    try {
      if (!(data instanceof Uint8Array)) throw new WireError('message', 'Expected a message in one piece.')
      if (isBinary) this.#onData(data)
      else if (data.length > controlBytesMax)
        throw new WireError(
          'message',
          `A control message may have ${controlBytesMax} bytes, this one has ${data.length}.`,
        )
      else this.#onControl(parseAgentMessage(data.toString()))
    } catch (error) {
      if (error instanceof WireError) this.refuse(error)
      else {
        this.#context.log.error({ agent: this.#agent, err: error }, 'Ingest failed on a message')
        this.refuse(new WireError('internal', 'The node failed on this message.', 'See the log of the node.'))
      }
    }
  }

  #onData(message: Uint8Array): void {
    if (this.#state === 'draining') return
    if (this.#state !== 'welcome') throw new WireError('state', 'Expected hello, got data.')
    const { channel, offset, bytes } = parseData(message)
    this.#channel(channel)?.data(offset, bytes)
  }

  #onControl(message: AgentMessage): void {
    if (this.#state === 'draining') return
    if (message.type === 'hello') {
      if (this.#state !== 'challenged') throw new WireError('state', 'Expected hello once.')
      this.#state = 'checking'
      void this.#onHello(message)
      return
    }
    if (this.#state !== 'welcome') throw new WireError('state', `Expected hello, got ${message.type}.`)
    switch (message.type) {
      case 'open':
        this.#onOpen(message)
        break
      case 'skip':
        this.#channel(message.channel)?.skip(message.from, message.to, message.gap)
        break
      case 'finish':
        this.#channel(message.channel)?.finish(message.size)
        break
      case 'close':
        void this.#channel(message.channel)?.close()
        break
      case 'decide':
        void this.#decide(message.ask, message.facts)
        break
      case 'coverage':
        this.#unrecordedLogins = message.unrecorded.length
        this.#context.coverage.heard(this.#agent, this.#host, message.unrecorded)
        break
      default:
        message satisfies never
    }
  }

  async #onHello(hello: Extract<AgentMessage, { type: 'hello' }>): Promise<void> {
    const { register, limits } = this.#context
    try {
      const { agent, host } = await admit(this.#context, hello, this.#nonce)
      await this.#context.twins.admit(this, agent, hello.instance ?? '')
      this.#agent = agent
      this.#host = host
    } catch (error) {
      this.refuse(error as WireError)
      return
    }
    if (this.#state !== 'checking') {
      this.#context.twins.left(this)
      return
    }
    this.#state = 'welcome'
    const { agent, host, remoteAddress } = this
    this.#context.log.info({ code: 'agent-connected', agent, host, remoteAddress }, 'An agent is connected.')
    register.heartbeat(this.#agent)
    this.#timers.push(setInterval(() => void this.#recheck(), limits.recheckMs))
    this.send({ type: 'welcome', node: this.#node, heartbeatMs: limits.heartbeatMs })
  }

  #onOpen(message: OpenMessage): void {
    const { channel: id } = message
    if (id > 0xffffffff) throw new WireError('channel', `Expected a channel below 2^32, got ${id}.`)
    if (this.#channels.has(id)) throw new WireError('channel', `The channel ${id} is open already.`)
    if (this.#channels.size >= channelsMax) {
      const text = `A connection may have ${channelsMax} open channels.`
      this.send({
        type: 'error',
        code: 'channels',
        text,
        hint: 'Open when others have finished.',
        channel: id,
      })
      return
    }
    this.#ended.delete(id)
    const channel = new Channel(this.#context, this, message)
    this.#channels.set(id, channel)
    channel.open()
  }

  // Without an answer the agent decides by what it knows.
  async #decide(ask: number, facts: Facts): Promise<void> {
    const { decisions, log } = this.#context
    try {
      this.send({ type: 'decision', ask, ...(await decisions.decide(facts)) })
    } catch (err) {
      log.warn({ code: 'decide', agent: this.#agent, err }, 'A session could not be decided on.')
    }
  }

  #channel(id: number): Channel | undefined {
    const channel = this.#channels.get(id)
    if (!channel && !this.#ended.has(id)) throw new WireError('channel', `The channel ${id} is not open.`)
    return channel
  }

  #expectHello(): void {
    if (this.#state === 'challenged')
      this.refuse(new WireError('state', `Expected hello within ${this.#context.limits.helloMs} ms.`))
  }

  // A catalog that does not answer cuts nobody off: the certificate still holds.
  async #recheck(): Promise<void> {
    const standing = await this.#context.register.agentStanding(this.#agent).catch(() => 'allowed')
    if (standing === 'revoked') this.refuse(revoked())
  }

  #shut(code: number, reason: string): void {
    this.#state = 'closed'
    this.#socket.close(code, reason.slice(0, 100))
  }

  #onClose(): void {
    this.#state = 'closed'
    this.#context.twins.left(this)
    this.#heartbeat.stop()
    for (const timer of this.#timers) clearTimeout(timer)
    this.acks.close()
    void this.closeChannels().finally(this.#onClosed)
  }
}
