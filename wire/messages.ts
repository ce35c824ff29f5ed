import { isRecordingId } from '../format/recording-id.ts'
import { type Facts, factsShape } from '../format/records.ts'
import { check, type Shape } from '../format/shape.ts'
import { channelsMax, controlBytesMax, unrecordedMax } from './limits.ts'
import { WireError } from './wire-error.ts'

// Control messages: JSON text with a `type`. WIRE.md says who sends what when; members unknown to us are ignored.

export type NodeMessage =
  | { type: 'challenge'; nonce: string; farm: string; time: number }
  | { type: 'welcome'; node: string; heartbeatMs: number }
  | { type: 'opened'; channel: number; offset: number; limit: number; place: string }
  | { type: 'acks'; acks: [channel: number, offset: number, limit: number][] }
  | { type: 'receipt'; channel: number; receipt: string }
  | { type: 'live'; channel: number; on: boolean }
  | { type: 'decision'; ask: number; screen: 'entire' | 'events' | 'none'; notify: boolean }
  | { type: 'drain'; reason: string }
  | { type: 'error'; code: string; text: string; hint: string; channel?: number }

/** A login on a terminal that nobody records. */
export interface UnrecordedLogin {
  user: string
  /** Without /dev/: pts/3. */
  line: string
  /** Where from; empty for the console. */
  from: string
  /** ms since the epoch, the host's clock. */
  sinceMs: number
}

export type AgentMessage =
  | {
      type: 'hello'
      version: string
      machine: string
      host: string
      certificate: string
      signature: string
      instance?: string
    }
  | {
      type: 'open'
      channel: number
      recording: string
      stream: 'cast' | 'rfb'
      acked: number
      oldest: number
      facts: Facts
      place?: string
      receipt?: string
    }
  | { type: 'skip'; channel: number; from: number; to: number; gap: string }
  | { type: 'finish'; channel: number; size: number }
  | { type: 'close'; channel: number }
  | { type: 'decide'; ask: number; facts: Facts }
  | { type: 'coverage'; unrecorded: UnrecordedLogin[] }

const token: Shape = { text: 4096 }
const channel: Shape = 'count'
const line: Shape = { text: 1024 }

const nodeShapes: Record<NodeMessage['type'], Shape> = {
  challenge: { object: { nonce: { text: 64 }, farm: { text: 64 }, time: 'count' } },
  welcome: { object: { node: { text: 256 }, heartbeatMs: 'count' } },
  opened: { object: { channel, offset: 'count', limit: 'count', place: token } },
  acks: { object: { acks: { list: { tuple: ['count', 'count', 'count'] }, max: channelsMax } } },
  receipt: { object: { channel, receipt: token } },
  live: { object: { channel, on: 'flag' } },
  decision: { object: { ask: 'count', screen: { oneOf: ['entire', 'events', 'none'] }, notify: 'flag' } },
  drain: { object: { reason: line } },
  error: { object: { code: { text: 64 }, text: line, hint: line }, optional: { channel } },
}

const agentShapes: Record<AgentMessage['type'], Shape> = {
  hello: {
    object: {
      version: { text: 64 },
      machine: { text: 64 },
      host: { text: 256 },
      certificate: token,
      signature: { text: 86 },
    },
    optional: { instance: { text: 64 } },
  },
  open: {
    object: {
      channel,
      recording: { text: 36 },
      stream: { oneOf: ['cast', 'rfb'] },
      acked: 'count',
      oldest: 'count',
      facts: factsShape,
    },
    optional: { place: token, receipt: token },
  },
  skip: { object: { channel, from: 'count', to: 'count', gap: { text: 8192 } } },
  finish: { object: { channel, size: 'count' } },
  close: { object: { channel } },
  decide: { object: { ask: 'count', facts: factsShape } },
  coverage: {
    object: {
      unrecorded: {
        list: { object: { user: { text: 64 }, line: { text: 32 }, from: { text: 64 }, sinceMs: 'count' } },
        max: unrecordedMax,
      },
    },
  },
}

export function encodeMessage(message: NodeMessage | AgentMessage): string {
  return JSON.stringify(message)
}

/** Throws WireError `message`. */
export function parseAgentMessage(text: string): AgentMessage {
  const message = parse(text, agentShapes) as AgentMessage
  if (message.type === 'open' && !isRecordingId(message.recording))
    throw new WireError(
      'message',
      `open.recording: expected a UUIDv7, got ${JSON.stringify(message.recording)}.`,
    )
  return message
}

/** Throws WireError `message`. */
export function parseNodeMessage(text: string): NodeMessage {
  return parse(text, nodeShapes) as NodeMessage
}

function parse(text: string, shapes: Record<string, Shape>): unknown {
  if (text.length > controlBytesMax)
    throw new WireError(
      'message',
      `A control message may have ${controlBytesMax} characters, this one has ${text.length}.`,
    )
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new WireError(
      'message',
      `Expected a control message in JSON, got ${JSON.stringify(text.slice(0, 40))}.`,
    )
  }
  const type = (value as { type?: unknown } | null)?.type
  const shape = typeof type === 'string' && Object.hasOwn(shapes, type) ? shapes[type] : undefined
  if (!shape)
    throw new WireError(
      'message',
      `Expected a message of type ${Object.keys(shapes).join(', ')}, got ${JSON.stringify(type)?.slice(0, 40)}.`,
    )
  const problem = check(shape, value, type as string)
  if (problem) throw new WireError('message', problem)
  return value
}

/** What an agent signs with its old key to get an identity for its new one (base64url). */
export function renewBytes(farm: string, key: string, machine: string): Uint8Array {
  return new TextEncoder().encode(`tapedeck.renew.1\n${farm}\n${key}\n${machine}`)
}

/** What a farm signs to prove to a newcomer that this TLS certificate (SHA-256, base64url) is its own. */
export function farmProofBytes(nonce: string, fingerprint: string): Uint8Array {
  return new TextEncoder().encode(`tapedeck.farm.1\n${nonce}\n${fingerprint}`)
}

/** What the agent signs to say that it holds the certified key, now and to this farm. */
export function helloBytes(nonce: string, farm: string): Uint8Array {
  return new TextEncoder().encode(`tapedeck.agent.1\n${nonce}\n${farm}`)
}
