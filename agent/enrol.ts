import { request } from 'node:https'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
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
}

/**
 * Makes the agent's key, has it certified, and writes the agent's files. The token names the farm, so a stranger who
 * answers in its place is found out. Throws errors with `code`.
 */
export async function enrol(options: EnrolOptions): Promise<{ agent: string }> {
  const { home, url, ca, token, host = hostname() } = options
  const pem = generateKeyPem()
  const signer = signerFromPem(pem)
  const body = JSON.stringify({ token, key: toBase64url(signer.publicKey), host, machine: await machineId() })
  const answer = await post(new URL('/api/agents/enroll', url), body, ca)
  const farmKey = fromBase64url(answer.farmKey)
  const farm = token.slice(token.lastIndexOf('.') + 1)
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

function post(
  url: URL,
  body: string,
  ca: string | undefined,
): Promise<{ certificate: string; farmKey: string }> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    const call = request(url, { method: 'POST', headers, timeout: 30_000, ...(ca && { ca }) }, (answer) => {
      text(answer).then((received) => {
        if (answer.statusCode === 200 || answer.statusCode === 201) resolve(JSON.parse(received))
        else reject(enrolError('refused', `The farm refused: ${received.slice(0, 300)}`))
      }, reject)
    })
    call.on('timeout', () => call.destroy(enrolError('timeout', `${url.origin} does not answer.`)))
    call.on('error', reject)
    call.end(body)
  })
}

function enrolError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}
