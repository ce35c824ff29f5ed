import { createHash, randomBytes } from 'node:crypto'
import { type IncomingMessage, request as requestPlain } from 'node:http'
import { request as requestTls } from 'node:https'
import type { TLSSocket } from 'node:tls'
import { openCrypto } from '../codec/crypto.ts'
import { farmIdOf } from '../codec/ed25519.ts'
import { fromBase64url } from '../format/bytes.ts'
import { farmProofBytes } from '../wire/messages.ts'

// An agent's few requests to its farm beside its WebSocket.

/** A farm that does not answer in this time is away. */
const answerMsMax = 30_000
/** A certificate and a key are less than 1 KiB; a stranger's answer may be anything. */
const answerBytesMax = 64 * 1024

export function farmError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}

export interface FarmCall {
  /** PEM to trust; without it the system's authorities. */
  ca?: string | undefined
  /** For the whole call. */
  timeoutMs?: number | undefined
}

/** The JSON answer. Throws errors with the farm's code, or `refused`, `answer`, `timeout` and those of TLS and sockets. */
export async function postToFarm<T>(
  url: string,
  path: string,
  body: object,
  call: FarmCall = {},
): Promise<T> {
  const { answer } = await ask(new URL(path, url), { method: 'POST', body: JSON.stringify(body), ...call })
  return answer as T
}

/**
 * The certificate to trust for a farm whose id is known (an enrolment token has it) but whose TLS certificate no authority
 * signed: the farm's key must have signed that it is the one we are talking to. Throws `farm`.
 */
export async function trustFarm(url: string, farm: string): Promise<string> {
  const nonce = randomBytes(32).toString('base64url')
  const { answer, peer } = await ask(new URL(`/api/farm?nonce=${nonce}`, url), {
    method: 'GET',
    anybody: true,
  })
  const { farmKey, certificate, signature } = answer as Record<string, unknown>
  const key = fromBase64url(String(farmKey))
  const shown = fromBase64url(String(signature))
  const fingerprint = createHash('sha256').update(peer).digest('base64url')
  const proven =
    key?.length === 32 &&
    shown !== undefined &&
    farmIdOf(key) === farm &&
    openCrypto().verify(key, farmProofBytes(nonce, fingerprint), shown)
  if (!proven || typeof certificate !== 'string')
    throw farmError('farm', `${url} does not prove to be the farm that gave the token.`)
  return certificate
}

interface Asked extends FarmCall {
  method: string
  body?: string
  /** Whoever answers; the caller checks who it was. */
  anybody?: boolean
}

function ask(url: URL, asked: Asked): Promise<{ answer: unknown; peer: Buffer }> {
  const { method, body, ca, anybody, timeoutMs = answerMsMax } = asked
  const headers =
    body === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
  const trust = { ...(ca !== undefined && { ca }), ...(anybody && { rejectUnauthorized: false }) }
  return new Promise((resolve, reject) => {
    const call = (url.protocol === 'http:' ? requestPlain : requestTls)(url, {
      method,
      headers,
      agent: false,
      ...trust,
    })
    const late = farmError('timeout', `${url.origin} does not answer.`)
    const timer = setTimeout(() => call.destroy(late), timeoutMs)
    call.on('close', () => clearTimeout(timer))
    call.on('error', reject)
    call.on('response', (response) => {
      const peer = anybody ? (response.socket as TLSSocket).getPeerCertificate().raw : Buffer.alloc(0)
      answerOf(response, url).then((answer) => resolve({ answer, peer }), reject)
    })
    call.end(body)
  })
}

async function answerOf(response: IncomingMessage, url: URL): Promise<unknown> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    size += chunk.length
    if (size > answerBytesMax) throw farmError('answer', `${url.origin} answers without an end.`)
  }
  const received = Buffer.concat(chunks).toString()
  const status = response.statusCode ?? 0
  let answer: { error?: { code?: unknown; text?: unknown; hint?: unknown } } | undefined
  try {
    answer = JSON.parse(received)
  } catch {
    // Said below.
  }
  if (status >= 200 && status < 300 && typeof answer === 'object' && answer !== null) return answer
  if (status < 300)
    throw farmError(
      'answer',
      `${url} did not answer as a farm does: ${JSON.stringify(received.slice(0, 100))}`,
    )
  const { code, text, hint } = answer?.error ?? {}
  if (typeof code === 'string') throw farmError(code, `The farm refused: ${text} ${hint}`)
  throw farmError('refused', `The farm refused with ${status}: ${received.slice(0, 300)}`)
}
