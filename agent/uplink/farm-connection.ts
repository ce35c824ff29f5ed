import { WebSocket } from 'ws'
import { toBase64url } from '../../format/bytes.ts'
import { agentPath, controlBytesMax, heartbeatMs, noMask, subprotocol } from '../../wire/limits.ts'
import {
  type AgentMessage,
  encodeMessage,
  helloBytes,
  type NodeMessage,
  parseNodeMessage,
} from '../../wire/messages.ts'
import { WireError } from '../../wire/wire-error.ts'
import type { AgentIdentity } from '../identity.ts'

// One WebSocket to a node.
//
//   connecting ── challenge, hello ──▶ greeting ── welcome ──▶ open ── drain ──▶ draining ──▶ closed
//   any ── lost, refused, silent, failed ──▶ closed

/** A node that does not greet in this time is left for another. */
const greetingMsMax = 15_000
/** A draining node acknowledges what it has; then it, or we, hang up. */
const drainMsMax = 5_000
/** A peer that does not answer our goodbye. */
const closeMsMax = 1_000
/** A reason is shown to people and kept in the status. */
const reasonCharactersMax = 300

const beatMsMin = 100

export type OpenMessage = Exclude<NodeMessage, { type: 'challenge' | 'welcome' }>

export interface FarmConnectionOptions {
  /** `https://host:port` of the farm. */
  url: string
  /** PEM of who signs the farm's TLS certificate; without it, the system's authorities. */
  ca?: string
  version: string
  identity: AgentIdentity
  /** Random, of this run of the agent. */
  instance?: string
  /** The node's first word, once; then `onMessage` may come. */
  onWelcome(node: string): void
  /** What it throws ends the connection. */
  onMessage(message: OpenMessage): void
}

export class FarmConnection {
  readonly #options: FarmConnectionOptions
  readonly #socket: WebSocket
  readonly #timers: NodeJS.Timeout[] = []
  #state: 'greeting' | 'open' | 'draining' | 'closed' = 'greeting'
  #reason: string | undefined
  #silentBeats = 0
  /** Resolves when the connection has ended, with why. */
  readonly closed: Promise<string>

  /** Throws when `url` or `ca` cannot be used. */
  constructor(options: FarmConnectionOptions) {
    const { url, ca } = options
    this.#options = options
    const socket = new WebSocket(new URL(agentPath, url.replace(/^http/, 'ws')), subprotocol, {
      ...(ca !== undefined && { ca }),
      perMessageDeflate: false,
      maxPayload: controlBytesMax,
      handshakeTimeout: greetingMsMax,
      ...(url.startsWith('https:') && { generateMask: noMask }),
    })
    this.#socket = socket
    this.#after(greetingMsMax, () => {
      if (this.#state === 'greeting') this.fail('The node did not greet.')
    })
    socket.on('ping', () => {
      this.#silentBeats = 0
    })
    socket.on('message', (data, isBinary) => {
      this.#silentBeats = 0
      try {
        if (isBinary) throw new WireError('message', 'The node sent bytes.')
        this.#onMessage(parseNodeMessage(data.toString()))
      } catch (error) {
        this.fail((error as Error).message)
      }
    })
    socket.on('error', (error) => {
      this.#reason ??= error.message
    })
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, text) => {
        this.#state = 'closed'
        for (const timer of this.#timers) clearTimeout(timer)
        const said = text.length > 0 ? text.toString() : `closed with ${code}`
        resolve((this.#reason ?? said).slice(0, reasonCharactersMax))
      })
    })
  }

  /** Nothing more may be sent here: it is over, or the node wants to go. */
  get isOpen(): boolean {
    return this.#state === 'open'
  }

  /** What waits in memory to leave. */
  get bufferedBytes(): number {
    return this.#socket.bufferedAmount
  }

  control(message: AgentMessage): void {
    if (this.isOpen) this.#socket.send(encodeMessage(message))
  }

  /** `left` is called when the message has been handed to the system, or never will be. */
  data(message: Uint8Array, left: () => void): void {
    if (this.isOpen) this.#socket.send(message, left)
  }

  fail(reason: string): void {
    this.#reason ??= reason
    this.#socket.terminate()
  }

  close(): void {
    this.#socket.close(1001)
    this.#after(closeMsMax, () => this.#socket.terminate())
  }

  #onMessage(message: NodeMessage): void {
    switch (message.type) {
      case 'challenge':
        if (this.#state !== 'greeting') throw new WireError('state', 'The node sent a second challenge.')
        this.#hello(message.nonce, message.farm)
        return
      case 'welcome':
        if (this.#state !== 'greeting') throw new WireError('state', 'The node sent a second welcome.')
        this.#state = 'open'
        // The node pings; silence of three beats means that a middlebox or a host is gone.
        this.#timers.push(setInterval(() => this.#beat(), clampBeat(message.heartbeatMs)))
        this.#options.onWelcome(message.node)
        return
      case 'drain':
        this.#reason ??= `drained: ${message.reason}`
        if (this.#state === 'open') this.#state = 'draining'
        this.#after(drainMsMax, () => this.#socket.terminate())
        break
      case 'error':
        if (message.channel === undefined) this.#reason ??= `${message.text} [${message.code}]`
        break
      default:
        if (this.#state === 'greeting') throw new WireError('state', `Expected welcome, got ${message.type}.`)
    }
    this.#options.onMessage(message)
  }

  #hello(nonce: string, farm: string): void {
    const { identity, version, instance } = this.#options
    if (farm !== identity.farm)
      throw new WireError('farm', `Expected the farm ${identity.farm}, this node belongs to ${farm}.`)
    const signature = toBase64url(identity.signer.sign(helloBytes(nonce, farm)))
    const { machine, host, certificate } = identity
    this.#socket.send(
      encodeMessage({
        type: 'hello',
        version,
        machine,
        host,
        certificate,
        signature,
        ...(instance && { instance }),
      }),
    )
  }

  #beat(): void {
    this.#silentBeats += 1
    if (this.#silentBeats >= 3) this.fail('The node is silent.')
  }

  #after(ms: number, then: () => void): void {
    this.#timers.push(setTimeout(then, ms))
  }
}

// What a node says of its beats is taken within reason.
function clampBeat(ms: number): number {
  return Math.max(beatMsMin, Math.min(ms, heartbeatMs))
}
