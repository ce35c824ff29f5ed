import { request as requestPlain } from 'node:http'
import { request as requestTls } from 'node:https'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { openCrypto } from '../codec/crypto.ts'
import { farmIdOf, generateKeyPem, publicKeyPem, signerFromPem } from '../codec/ed25519.ts'
import { replaceFile } from '../disk/atomic-replace.ts'
import { makeFolder } from '../disk/folder.ts'
import { fromBase64url, toBase64url } from '../format/bytes.ts'
import { openToken } from '../format/token.ts'
import { machineId } from './identity.ts'

export interface EnrolOptions {
  /** The agent's folder; made when absent. */
  home: string
  /** `https://host:port` of the farm. */
  url: string
  /** PEM of the farm's TLS authority. */
  ca?: string
  /** One-time token: base64url(secret) "." farm id. */
  token: string
  host?: string
  /** For the whole call. */
  timeoutMs?: number
}

/** A certificate and a key are less than 1 KiB. */
const answerBytesMax = 64 * 1024

/**
 * Makes the agent's key, has it certified, and writes the agent's files. The token names the farm, so a stranger who
 * answers in its place is found out. Throws errors with `code`.
 */
export async function enrol(options: EnrolOptions): Promise<{ agent: string }> {
  const { home, url, ca, token, host = hostname(), timeoutMs = 30_000 } = options
  const farm = /^[\w-]+\.([\w-]{43})$/.exec(token)?.[1]
  if (farm === undefined)
    throw enrolError('token', 'Expected an enrolment token: a secret, a dot, a farm id.')
  const pem = generateKeyPem()
  const signer = signerFromPem(pem)
  const body = JSON.stringify({ token, key: toBase64url(signer.publicKey), host, machine: await machineId() })
  const answer = await post(new URL('/api/agents/enroll', url), body, ca, timeoutMs)
  const farmKey = fromBase64url(answer.farmKey)
  if (farmKey?.length !== 32 || farmIdOf(farmKey) !== farm)
    throw enrolError('farm', `${url} answered with a key that is not the farm's that gave the token.`)
  const certificate = openToken(answer.certificate, 'agent-certificate', farmKey, openCrypto())
  if (certificate.key !== toBase64url(signer.publicKey))
    throw enrolError('key', 'The certificate is for another key.')
  await makeFolder(home)
  if (ca) await replaceFile(join(home, 'ca.crt'), ca)
  await replaceFile(join(home, 'agent.key'), pem)
  await replaceFile(join(home, 'farm.pub'), publicKeyPem(farmKey))
  await replaceFile(
    join(home, 'agent.json'),
    `${JSON.stringify({ url, ...(ca && { ca: 'ca.crt' }) }, null, 2)}\n`,
  )
  // Written last: with it the agent is enrolled.
  await replaceFile(join(home, 'certificate'), `${answer.certificate}\n`)
  return { agent: certificate.agent }
}

async function post(
  url: URL,
  body: string,
  ca: string | undefined,
  timeoutMs: number,
): Promise<{ certificate: string; farmKey: string }> {
  const { status, text } = await send(url, body, ca, timeoutMs)
  if (status !== 200 && status !== 201)
    throw enrolError('refused', `The farm refused with ${status}: ${text.slice(0, 300)}`)
  try {
    const { certificate, farmKey } = JSON.parse(text)
    if (typeof certificate === 'string' && typeof farmKey === 'string') return { certificate, farmKey }
  } catch {
    // Said below.
  }
  throw enrolError('answer', `${url} did not answer as a farm does: ${JSON.stringify(text.slice(0, 100))}`)
}

function send(
  url: URL,
  body: string,
  ca: string | undefined,
  timeoutMs: number,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const call = (url.protocol === 'http:' ? requestPlain : requestTls)(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      ...(ca && { ca }),
    })
    const timer = setTimeout(
      () => call.destroy(enrolError('timeout', `${url.origin} does not answer.`)),
      timeoutMs,
    )
    call.on('close', () => clearTimeout(timer))
    call.on('error', reject)
    call.on('response', (answer) => {
      const chunks: Buffer[] = []
      let size = 0
      answer.on('error', reject)
      answer.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        size += chunk.length
        if (size > answerBytesMax) call.destroy(enrolError('answer', `${url.origin} answers without an end.`))
      })
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
      )
    })
    call.end(body)
  })
}

function enrolError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}
