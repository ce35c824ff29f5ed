import { readFile, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { openCrypto } from '../codec/crypto.ts'
import { farmIdOf, generateKeyPem, publicKeyPem, signerFromPem } from '../codec/ed25519.ts'
import { replaceFile } from '../disk/atomic-replace.ts'
import { makeFolder, renameFile } from '../disk/folder.ts'
import { fromBase64url, toBase64url } from '../format/bytes.ts'
import { openToken } from '../format/token.ts'
import { renewBytes } from '../wire/messages.ts'
import { farmError, postToFarm, trustFarm } from './farm-client.ts'
import { type AgentIdentity, formerFolder, machineId } from './identity.ts'

// How an agent comes by its identity: with a token once, and by exchange when another machine has the same.

export interface EnrolOptions {
  /** The agent's folder; made when absent. */
  home: string
  /** `https://host:port` of the farm. */
  url: string
  /** PEM of the farm's TLS authority; without it the system's authorities, or what the farm's own key vouches for. */
  ca?: string
  /** base64url(secret) "." farm id. */
  token: string
  host?: string
  /** For each of its calls. */
  timeoutMs?: number
  /** Settings of agent.json beside the farm's address. */
  settings?: Record<string, unknown>
}

interface Enrolled {
  certificate: string
  farmKey: string
}

/** TLS errors of a certificate that no authority of this system signed. */
const unknownAuthority = [
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
]

/**
 * Makes the agent's key, has it certified, and writes the agent's files. The token names the farm, so a stranger who
 * answers in its place is found out before the token is shown. Throws errors with `code`.
 */
export async function enrol(options: EnrolOptions): Promise<{ agent: string }> {
  const { home, url, token, host = hostname(), timeoutMs } = options
  const farm = /^[\w-]+\.([\w-]{43})$/.exec(token)?.[1]
  if (farm === undefined) throw farmError('token', 'Expected an enrolment token: a secret, a dot, a farm id.')
  const pem = generateKeyPem()
  const key = toBase64url(signerFromPem(pem).publicKey)
  const machine = await machineId()
  const body = { token, key, host, machine }
  let ca = options.ca
  let answer: Enrolled
  try {
    answer = await postToFarm<Enrolled>(url, '/api/agents/enroll', body, { ca, timeoutMs })
  } catch (error) {
    if (ca !== undefined || !unknownAuthority.includes((error as { code?: string }).code ?? '')) throw error
    ca = await trustFarm(url, farm)
    answer = await postToFarm<Enrolled>(url, '/api/agents/enroll', body, { ca, timeoutMs })
  }
  if (typeof answer.farmKey !== 'string' || typeof answer.certificate !== 'string')
    throw farmError('answer', `${url} did not answer as a farm does.`)
  const farmKey = fromBase64url(answer.farmKey)
  if (farmKey?.length !== 32 || farmIdOf(farmKey) !== farm)
    throw farmError('farm', `${url} answered with a key that is not the farm's that gave the token.`)
  const agent = ownCertificate(answer, key, farmKey)
  await makeFolder(home)
  if (ca) await replaceFile(join(home, 'ca.crt'), ca)
  await replaceFile(join(home, 'farm.pub'), publicKeyPem(farmKey))
  await replaceFile(
    join(home, 'agent.json'),
    await configFor(home, { ...options.settings, url, ...(ca && { ca: 'ca.crt' }) }),
  )
  await writeIdentity(home, pem, answer.certificate, machine)
  return { agent }
}

/** Gets the agent another identity in exchange for the one it has. The old key stays for the recordings it began. */
export async function renewIdentity(
  home: string,
  identity: AgentIdentity,
  farm: { url: string; ca?: string },
): Promise<{ agent: string }> {
  const pem = generateKeyPem()
  const key = toBase64url(signerFromPem(pem).publicKey)
  const machine = await machineId()
  const signature = toBase64url(identity.signer.sign(renewBytes(identity.farm, key, machine)))
  const body = { certificate: identity.certificate, key, host: hostname(), machine, signature }
  const answer = await postToFarm<Enrolled>(farm.url, '/api/agents/renew', body, { ca: farm.ca })
  const agent = ownCertificate(answer, key, identity.farmKey)
  const former = join(home, formerFolder, identity.agent)
  await makeFolder(former)
  for (const name of ['agent.key', 'certificate'])
    await replaceFile(join(former, name), await readFile(join(home, name), 'utf8'))
  await writeIdentity(home, pem, answer.certificate, machine)
  return { agent }
}

/**
 * Takes the identity away, so that an image of this host has none; what the agent needs to enrol again stays. `token` is
 * kept for the first start of each host that is made from the image.
 */
export async function generalize(home: string, token: string | undefined): Promise<void> {
  for (const name of ['agent.key', 'certificate', 'machine', formerFolder, 'spool', 'decisions.json', 'run'])
    await rm(join(home, name), { recursive: true, force: true })
  if (token) await replaceFile(join(home, tokenFile), `${token}\n`)
}

/** Writes which farm this agent is for; with a token it enrols there at its next start. An identity stays as it is. */
export async function pointAtFarm(
  home: string,
  farm: { url: string; ca?: string; token?: string; settings?: Record<string, unknown> },
): Promise<void> {
  const { url, ca, token, settings } = farm
  await makeFolder(home)
  if (ca !== undefined) await replaceFile(join(home, 'ca.crt'), ca)
  const trusted = ca ?? (await readFile(join(home, 'ca.crt'), 'utf8').catch(() => undefined))
  const config = await configFor(home, { ...settings, url, ...(trusted && { ca: 'ca.crt' }) })
  await replaceFile(join(home, 'agent.json'), config)
  if (token !== undefined) await replaceFile(join(home, tokenFile), `${token}\n`)
}

/** On an image: enrols by the token that was left here, and removes it. False when there is none. */
export async function enrolByImageToken(home: string, url: string, ca: string | undefined): Promise<boolean> {
  const path = join(home, tokenFile)
  const token = await readFile(path, 'utf8').catch(() => undefined)
  if (token === undefined) return false
  await enrol({ home, url, token: token.trim(), ...(ca !== undefined && { ca }) })
  await rm(path)
  return true
}

const tokenFile = 'enrolment-token'

function ownCertificate(answer: Enrolled, key: string, farmKey: Uint8Array): string {
  const certificate = openToken(answer.certificate, 'agent-certificate', farmKey, openCrypto())
  if (certificate.key !== key) throw farmError('key', 'The certificate is for another key.')
  return certificate.agent
}

// The key and its certificate change together: the certificate comes last, and is put aside before its key goes.
async function writeIdentity(home: string, pem: string, certificate: string, machine: string): Promise<void> {
  await replaceFile(join(home, 'agent.key.new'), pem)
  await replaceFile(join(home, 'certificate.new'), `${certificate}\n`)
  await replaceFile(join(home, 'machine'), `${machine}\n`)
  await renameFile(join(home, 'agent.key.new'), join(home, 'agent.key'))
  await renameFile(join(home, 'certificate.new'), join(home, 'certificate'))
}

async function configFor(home: string, settings: Record<string, unknown>): Promise<string> {
  const before = await readFile(join(home, 'agent.json'), 'utf8')
    .then(JSON.parse)
    .catch(() => ({}))
  const { ca: _, ...rest } = before as Record<string, unknown>
  return `${JSON.stringify({ ...rest, ...settings }, null, 2)}\n`
}
