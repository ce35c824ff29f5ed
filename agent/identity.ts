import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openCrypto } from '../codec/crypto.ts'
import { farmIdOf, publicKeyFromPem, signerFromPem } from '../codec/ed25519.ts'
import { renameFile } from '../disk/folder.ts'
import { toBase64url } from '../format/bytes.ts'
import type { Signer } from '../format/ports.ts'
import { openToken, peekToken } from '../format/token.ts'

/** Who this agent is, or was when it began a recording. */
export interface SigningIdentity {
  agent: string
  signer: Signer
  certificate: string
}

/** Who this agent is to its farm. */
export interface AgentIdentity extends SigningIdentity {
  host: string
  /** This machine, now. */
  machine: string
  /** True when the identity was given to another machine: it is to be renewed. */
  moved: boolean
  /** The farm's id and raw public key. */
  farm: string
  farmKey: Uint8Array
  /** What it was before it renewed itself: recordings go on under the identity they began with. */
  former: SigningIdentity[]
}

/** Folder in the agent's home of identities it had. */
export const formerFolder = 'former'

/** What enrolment left in the agent's home. Throws `not-enrolled` when it is not there, `identity` when it does not fit. */
export async function loadIdentity(home: string): Promise<AgentIdentity> {
  let own: SigningIdentity
  let farmPem: string
  try {
    own = await loadSigning(home)
    farmPem = await readFile(join(home, 'farm.pub'), 'utf8')
  } catch (error) {
    if ((error as { code?: string }).code === 'identity') throw error
    throw Object.assign(new Error(`This agent is not enrolled: ${(error as Error).message}`), {
      code: 'not-enrolled',
    })
  }
  const farmKey = publicKeyFromPem(farmPem)
  const { host } = openToken(own.certificate, 'agent-certificate', farmKey, openCrypto())
  const machine = await machineId()
  const enrolledOn = (await readFile(join(home, 'machine'), 'utf8').catch(() => machine)).trim()
  const former: SigningIdentity[] = []
  for (const name of await readdir(join(home, formerFolder)).catch(() => []))
    former.push(await loadSigning(join(home, formerFolder, name)))
  return {
    ...own,
    host,
    machine,
    moved: enrolledOn !== machine,
    farm: farmIdOf(farmKey),
    farmKey,
    former,
  }
}

/** The identity that signs what `agent` began; the present one where none is named or known. */
export function signingAs(identity: AgentIdentity, agent: string | undefined): SigningIdentity {
  return identity.former.find((one) => one.agent === agent) ?? identity
}

async function loadSigning(folder: string): Promise<SigningIdentity> {
  const signer = signerFromPem(await readFile(join(folder, 'agent.key'), 'utf8'))
  const read = async (name: string) => (await readFile(join(folder, name), 'utf8')).trim()
  let certificate = await read('certificate')
  if (keyIn(certificate) !== toBase64url(signer.publicKey)) {
    // A renewal was interrupted between its two renames.
    const next = await read('certificate.new').catch(() => {
      throw unfit()
    })
    if (keyIn(next) !== toBase64url(signer.publicKey)) throw unfit()
    await renameFile(join(folder, 'certificate.new'), join(folder, 'certificate'))
    certificate = next
  }
  return { agent: peekToken(certificate, 'agent-certificate').agent, signer, certificate }
}

function unfit(): Error {
  return Object.assign(new Error('The certificate is for another key: enrol this agent again.'), {
    code: 'identity',
  })
}

function keyIn(certificate: string): string {
  return peekToken(certificate, 'agent-certificate').key
}

/** The host's own id (machine-id(5)); empty where it has none. */
export async function machineId(): Promise<string> {
  return (await readFile('/etc/machine-id', 'utf8').catch(() => '')).trim()
}
