import { once } from 'node:events'
import { WebSocket } from 'ws'
import { toBase64url } from '../format/bytes.ts'
import type { Signer } from '../format/ports.ts'
import type { Facts } from '../format/records.ts'
import { writeDataHeader } from '../wire/data-message.ts'
import { agentPath, dataBytesMax, dataHeaderBytes, noMask, subprotocol } from '../wire/limits.ts'
import { type AgentMessage, encodeMessage, helloBytes, parseNodeMessage } from '../wire/messages.ts'
import { ChannelSender } from '../wire/sender.ts'

// One agent's connection with streams that lie in memory: what a host's uplink sends, without its disk.

export interface LoadIdentity {
  signer: Signer
  certificate: string
}

export interface LoadWay {
  /** By itself ws masks, which the agent does not over TLS. */
  masked?: boolean
  host?: string
  /** The name that the certificate must have. */
  name?: string
  /** An address of this machine. */
  from?: string
}

interface LoadChannel {
  sender: ChannelSender
  bytes: Uint8Array
  /** How much of `bytes` there is to send now. */
  available: number
  opened: () => void
  acked: (offset: number) => void
  received: (() => void) | undefined
}

export class LoadAgent {
  readonly #socket: WebSocket
  readonly #channels = new Map<number, LoadChannel>()
  readonly #failed = Promise.withResolvers<never>()
  #closing = false
  /** Of the node, by its welcome. */
  node = ''

  private constructor(socket: WebSocket) {
    this.#socket = socket
    this.#failed.promise.catch(() => undefined)
  }

  /** Resolves once the server has said welcome. */
  static async connect(
    port: number,
    ca: string,
    identity: LoadIdentity,
    { masked = false, host = 'localhost', name, from }: LoadWay = {},
  ): Promise<LoadAgent> {
    const socket = new WebSocket(`wss://${host}:${port}${agentPath}`, subprotocol, {
      ca,
      ...(name && { servername: name }),
      ...(from && { localAddress: from }),
      perMessageDeflate: false,
      skipUTF8Validation: true,
      ...(!masked && { generateMask: noMask }),
    })
    const agent = new LoadAgent(socket)
    const welcome = Promise.withResolvers<void>()
    socket.on('message', (data: Buffer) => agent.#onMessage(data.toString(), identity, welcome.resolve))
    socket.on('error', (error) => agent.#failed.reject(error))
    socket.on('close', (code, reason) => {
      if (!agent.#closing) agent.#failed.reject(new Error(`The server closed with ${code} ${reason}.`))
    })
    await agent.#orFailed(welcome.promise)
    return agent
  }

  /** `acked` is told each time more is durable. */
  open(
    channel: number,
    stream: { recording: string; facts: Facts; bytes: Uint8Array },
    acked: (offset: number) => void,
  ): Promise<void> {
    const opened = Promise.withResolvers<void>()
    const { recording, facts, bytes } = stream
    this.#channels.set(channel, {
      sender: new ChannelSender(0),
      bytes,
      available: 0,
      opened: opened.resolve,
      acked,
      received: undefined,
    })
    this.#send({ type: 'open', channel, recording, stream: 'cast', acked: 0, oldest: 0, facts })
    return this.#orFailed(opened.promise)
  }

  /** The stream's bytes up to `available` may go. */
  provide(channel: number, available: number): void {
    this.#channels.get(channel)!.available = available
    this.#pump(channel)
  }

  /** All of a stream that ends, behind it the end. Resolves when the farm's final receipt is here. */
  async finish(channel: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const opened = this.#channels.get(channel)!
    opened.received = resolve
    this.provide(channel, opened.bytes.length)
    await this.#orFailed(promise)
    this.#send({ type: 'close', channel })
    this.#channels.delete(channel)
  }

  /** Rejects when the connection fails first. */
  orFailed<T>(promise: Promise<T>): Promise<T> {
    return this.#orFailed(promise)
  }

  async close(): Promise<void> {
    this.#closing = true
    this.#socket.close()
    if (this.#socket.readyState !== WebSocket.CLOSED) await once(this.#socket, 'close')
  }

  #orFailed<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, this.#failed.promise])
  }

  #onMessage(text: string, { signer, certificate }: LoadIdentity, welcome: () => void): void {
    const message = parseNodeMessage(text)
    switch (message.type) {
      case 'challenge': {
        const signature = toBase64url(signer.sign(helloBytes(message.nonce, message.farm)))
        this.#send({ type: 'hello', version: 'bench', machine: '', host: 'bench', certificate, signature })
        return
      }
      case 'welcome':
        this.node = message.node
        welcome()
        return
      case 'opened': {
        const channel = this.#channels.get(message.channel)!
        channel.sender.opened(message.offset, message.limit)
        channel.opened()
        this.#pump(message.channel)
        return
      }
      case 'acks':
        for (const [id, offset, limit] of message.acks) {
          const channel = this.#channels.get(id)!
          channel.sender.ack(offset, limit)
          channel.acked(offset)
          this.#pump(id)
        }
        return
      case 'receipt':
        this.#channels.get(message.channel)?.received?.()
        return
      case 'error':
        this.#failed.reject(new Error(`${message.text} [${message.code}]`))
    }
  }

  #pump(id: number): void {
    const { sender, bytes, available, received } = this.#channels.get(id)!
    if (sender.next === bytes.length) return
    for (;;) {
      const size = Math.min(sender.sendable(available), dataBytesMax)
      if (size <= 0) break
      const message = Buffer.allocUnsafe(dataHeaderBytes + size)
      writeDataHeader(message, id, sender.next)
      message.set(bytes.subarray(sender.next, sender.next + size), dataHeaderBytes)
      sender.sent(size)
      this.#socket.send(message)
    }
    if (received && sender.next === bytes.length)
      this.#send({ type: 'finish', channel: id, size: bytes.length })
  }

  #send(message: AgentMessage): void {
    this.#socket.send(encodeMessage(message))
  }
}
