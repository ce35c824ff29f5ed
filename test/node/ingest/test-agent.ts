import { once } from 'node:events'
import { type ClientOptions, WebSocket } from 'ws'
import { farmIdOf } from '../../../codec/ed25519.ts'
import { toBase64url } from '../../../format/bytes.ts'
import type { StreamName } from '../../../format/records.ts'
import { openToken, type Receipt } from '../../../format/token.ts'
import { writeDataHeader } from '../../../wire/data-message.ts'
import { dataHeaderBytes, subprotocol } from '../../../wire/limits.ts'
import {
  type AgentMessage,
  encodeMessage,
  helloBytes,
  type NodeMessage,
  parseNodeMessage,
} from '../../../wire/messages.ts'
import { ChannelSender } from '../../../wire/sender.ts'
import { crypto, facts, type Identities } from '../../helpers/sample-stream.ts'

/** The smallest honest agent: a socket, and what came. */
export interface TestAgent {
  socket: WebSocket
  messages: NodeMessage[]
  closed: { code: number; reason: string } | undefined
  send(message: AgentMessage): void
  data(channel: number, offset: number, bytes: Uint8Array): void
  /** The newest acknowledged offset of a channel; -1 before `opened`. */
  acked(channel: number): number
  limit(channel: number): number
  opened(channel: number): Extract<NodeMessage, { type: 'opened' }>[]
  receipts(channel: number): Receipt[]
  errors(): Extract<NodeMessage, { type: 'error' }>[]
  /** Resolves when `test` holds, tried at every message and at close. */
  until(test: () => boolean, what?: string): Promise<void>
  close(): Promise<void>
}

export async function connectAgent(
  url: string,
  identities: Identities,
  options: {
    hello?: boolean
    signer?: Identities['agent']
    ca?: Uint8Array
    machine?: string
    instance?: string
    socket?: ClientOptions
  } = {},
): Promise<TestAgent> {
  const socket = new WebSocket(url, subprotocol, {
    perMessageDeflate: false,
    ...(options.ca && { ca: Buffer.from(options.ca) }),
    ...options.socket,
  })
  const wake = new Set<() => void>()
  const states = new Map<number, { acked: number; limit: number }>()
  const agent: TestAgent = {
    socket,
    messages: [],
    closed: undefined,
    send: (message) => socket.send(encodeMessage(message)),
    data(channel, offset, bytes) {
      const message = new Uint8Array(dataHeaderBytes + bytes.length)
      writeDataHeader(message, channel, offset)
      message.set(bytes, dataHeaderBytes)
      socket.send(message)
    },
    acked: (channel) => states.get(channel)?.acked ?? -1,
    limit: (channel) => states.get(channel)?.limit ?? 0,
    opened: (channel) =>
      agent.messages
        .filter((message) => message.type === 'opened')
        .filter((message) => message.channel === channel),
    receipts: (channel) =>
      agent.messages
        .filter((message) => message.type === 'receipt')
        .filter((message) => message.channel === channel)
        .map(({ receipt }) => openToken(receipt, 'receipt', identities.farm.publicKey, crypto)),
    errors: () => agent.messages.filter((message) => message.type === 'error'),
    until: (test, what = test.toString()) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (test()) done(resolve)
        }
        const timer = setTimeout(() => {
          const last = JSON.stringify(agent.messages.slice(-5))
          done(() =>
            reject(new Error(`Not within 20 s: ${what}; closed ${agent.closed?.reason}; last ${last}`)),
          )
        }, 20_000)
        const done = (how: () => void) => {
          clearTimeout(timer)
          wake.delete(look)
          how()
        }
        wake.add(look)
        look()
      }),
    async close() {
      if (socket.readyState === socket.CLOSED) return
      socket.close()
      await once(socket, 'close')
    },
  }
  socket.on('message', (data, isBinary) => {
    if (isBinary) throw new Error('A node sends no data.')
    const message = parseNodeMessage(data.toString())
    agent.messages.push(message)
    if (message.type === 'opened')
      states.set(message.channel, { acked: message.offset, limit: message.limit })
    if (message.type === 'acks')
      for (const [channel, acked, limit] of message.acks) states.set(channel, { acked, limit })
    for (const look of [...wake]) look()
  })
  socket.on('close', (code, reason) => {
    agent.closed = { code, reason: reason.toString() }
    for (const look of [...wake]) look()
  })
  socket.on('error', () => {})
  await agent.until(() => agent.messages.length > 0 || agent.closed !== undefined, 'challenge')
  const challenge = agent.messages[0]
  if (options.hello === false || challenge?.type !== 'challenge') return agent
  const signer = options.signer ?? identities.agent
  const signature = toBase64url(signer.sign(helloBytes(challenge.nonce, farmIdOf(identities.farm.publicKey))))
  const { certificate } = identities
  const { machine = 'm-1', instance } = options
  agent.send({
    type: 'hello',
    version: '1',
    machine,
    host: 'ward-7',
    certificate,
    signature,
    ...(instance && { instance }),
  })
  await agent.until(() => agent.messages.length > 1 || agent.closed !== undefined, 'welcome')
  return agent
}

export function openMessage(
  recording: string,
  options: Partial<Extract<AgentMessage, { type: 'open' }>> = {},
): Extract<AgentMessage, { type: 'open' }> {
  const stream: StreamName = 'cast'
  return { type: 'open', channel: 1, recording, stream, acked: 0, oldest: 0, facts, ...options }
}

/** Sends a whole stream as an agent does, within credit and again from wherever the node opens, until the final receipt. */
export async function sendStream(
  agent: TestAgent,
  message: Extract<AgentMessage, { type: 'open' }>,
  bytes: Uint8Array,
  options: { pieceBytes?: number; finish?: boolean } = {},
): Promise<void> {
  const { channel } = message
  const sender = new ChannelSender(message.acked)
  let seen = agent.messages.length
  let finished = false
  const over = () =>
    agent.closed !== undefined ||
    agent.receipts(channel).some((receipt) => receipt.final) ||
    agent.errors().some((error) => error.channel === undefined || error.channel === channel) ||
    (options.finish === false && sender.acked === bytes.length)
  agent.send(message)
  await agent.until(() => {
    for (; seen < agent.messages.length; seen++) {
      const got = agent.messages[seen]!
      if (got.type === 'opened' && got.channel === channel) {
        sender.opened(got.offset, got.limit)
        finished = false
      }
      if (got.type === 'acks')
        for (const [id, offset, limit] of got.acks) if (id === channel) sender.ack(offset, limit)
    }
    for (let size = sender.sendable(bytes.length); size > 0; size = sender.sendable(bytes.length)) {
      const piece = Math.min(size, options.pieceBytes ?? size)
      agent.data(channel, sender.next, bytes.subarray(sender.next, sender.next + piece))
      sender.sent(piece)
    }
    if (sender.isOpen && sender.next === bytes.length && !finished && options.finish !== false) {
      finished = true
      agent.send({ type: 'finish', channel, size: bytes.length })
    }
    return over()
  }, `stream of ${bytes.length} bytes`)
}
