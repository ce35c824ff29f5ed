import { fromBase64url, textOf, toBase64url, utf8 } from './bytes.ts'
import { FormatError } from './format-error.ts'
import type { Crypto, Signer } from './ports.ts'
import { check, type Shape } from './shape.ts'

// A token is a statement signed by the farm: base64url(JSON) "." base64url(signature over the JSON's bytes).
// Its `t` says what it states, so that one kind can never be shown in place of another.

/** Longer ones were not made by us. */
export const tokenCharactersMax = 4096

/** Who an agent is. Times in ms since the epoch; `key` = the agent's raw Ed25519 key. */
export interface AgentCertificate {
  t: 'agent-certificate'
  agent: string
  host: string
  key: string
  from: number
  until: number
  farm: string
}

/** These bytes, up to `offset`, are in the store for good; `seal` = record hash of the last SEAL, GAP or END below it. */
export interface Receipt {
  t: 'receipt'
  recording: string
  stream: string
  offset: number
  seal: string
  time: number
  farm: string
  final?: boolean
  discarded?: boolean
}

/** Where a recording lies: the store's id and the path in it without the stream's ending. */
export interface Place {
  t: 'place'
  recording: string
  store: string
  path: string
  farm: string
}

/** A link to a moment (µs). `issuer` = the user who made it; `until` in ms since the epoch. */
export interface Share {
  t: 'share'
  recording: string
  time: number
  issuer: string
  until: number
  farm: string
}

export type Token = AgentCertificate | Receipt | Place | Share

const id: Shape = { text: 64 }
const shapes: Record<Token['t'], Shape> = {
  'agent-certificate': {
    object: { agent: id, host: { text: 256 }, key: { text: 43 }, from: 'count', until: 'count', farm: id },
  },
  receipt: {
    object: { recording: id, stream: id, offset: 'count', seal: id, time: 'count', farm: id },
    optional: { final: 'flag', discarded: 'flag' },
  },
  place: { object: { recording: id, store: id, path: { text: 256 }, farm: id } },
  share: { object: { recording: id, time: 'count', issuer: { text: 256 }, until: 'count', farm: id } },
}

export function signToken(payload: Token, signer: Signer): string {
  const bytes = utf8(JSON.stringify(payload))
  return `${toBase64url(bytes)}.${toBase64url(signer.sign(bytes))}`
}

/**
 * The statement, if `publicKey` (the farm's) signed it and it is of kind `type`.
 * Throws FormatError `token` (unreadable or another kind) or `token-signature`.
 */
export function openToken<T extends Token['t']>(
  token: string,
  type: T,
  publicKey: Uint8Array,
  crypto: Crypto,
): Extract<Token, { t: T }> {
  const { bytes, signature, value } = splitToken(token, type)
  if (!crypto.verify(publicKey, bytes, signature))
    throw new FormatError('token-signature', `The ${type} is not signed by this farm.`)
  return value as Extract<Token, { t: T }>
}

/** Reads a token without checking who signed it. For display and for choosing the key; never a proof. */
export function peekToken<T extends Token['t']>(token: string, type: T): Extract<Token, { t: T }> {
  return splitToken(token, type).value as Extract<Token, { t: T }>
}

function splitToken(token: string, type: Token['t']) {
  const refuse = (why: string) => new FormatError('token', `Expected a ${type} token: ${why}.`)
  if (token.length > tokenCharactersMax) throw refuse(`it has more than ${tokenCharactersMax} characters`)
  const [left = '', right = '', ...more] = token.split('.')
  const bytes = fromBase64url(left)
  const signature = fromBase64url(right)
  if (!bytes || !signature || more.length > 0) throw refuse('it is not two parts in base64url')
  let value: unknown
  try {
    value = JSON.parse(textOf(bytes) ?? '')
  } catch {
    throw refuse('its first part is not JSON')
  }
  const kind = (value as { t?: unknown } | null)?.t
  if (kind !== type) throw refuse(`it states ${JSON.stringify(kind)?.slice(0, 40)}`)
  const problem = check(shapes[type], value, type)
  if (problem) throw refuse(problem)
  return { bytes, signature, value: value as Token }
}
