import { createHash, randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { text } from 'node:stream/consumers'
import type { TLSSocket } from 'node:tls'
import { openCrypto } from '../codec/crypto.ts'
import { farmIdOf } from '../codec/ed25519.ts'
import { fromBase64url } from '../format/bytes.ts'
import { farmProofBytes } from '../wire/messages.ts'

// An agent's few requests to its farm beside its WebSocket.

/** A farm that does not answer in this time is away. */
const answerMsMax = 30_000
/** Certificates and keys; a stranger's answer may be anything. */
const answerCharactersMax = 65_536

export function farmError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}

/** The JSON answer. Throws errors with the farm's code, or `refused`, `timeout` and those of TLS and sockets. */
export async function postToFarm<T>(url: string, path: string, body: object, ca?: string): Promise<T> {
  const { answer } = await ask(new URL(path, url), { method: 'POST', body: JSON.stringify(body), ca })
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

interface Asked {
  method: string
  body?: string
  ca?: string | undefined
  /** Whoever answers; the caller checks who it was. */
  anybody?: boolean
}

function ask(url: URL, { method, body, ca, anybody }: Asked): Promise<{ answer: unknown; peer: Buffer }> {
  const headers =
    body === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
  const trust = { ...(ca !== undefined && { ca }), ...(anybody && { rejectUnauthorized: false }) }
  return new Promise((resolve, reject) => {
    const call = request(
      url,
      { method, headers, timeout: answerMsMax, agent: false, ...trust },
      (response) => {
        const peer = (response.socket as TLSSocket).getPeerCertificate().raw
        answerOf(response, url).then((answer) => resolve({ answer, peer }), reject)
      },
    )
    call.on('timeout', () => call.destroy(farmError('timeout', `${url.origin} does not answer.`)))
    call.on('error', reject)
    call.end(body)
  })
}

async function answerOf(response: IncomingMessage, url: URL): Promise<unknown> {
  const received = (await text(response)).slice(0, answerCharactersMax)
  try {
    const answer = JSON.parse(received) as { error?: { code: string; text: string; hint: string } }
    if ((response.statusCode ?? 500) < 300) return answer
    const { code, text: said, hint } = answer.error!
    throw farmError(code, `The farm refused: ${said} ${hint}`)
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error
    throw farmError('refused', `${url.origin} answered ${response.statusCode}, and not as a farm does.`)
  }
}
