import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openCrypto } from '../codec/crypto.ts'
import { farmIdOf, publicKeyFromPem, signerFromPem } from '../codec/ed25519.ts'
import { toBase64url } from '../format/bytes.ts'
import type { Signer } from '../format/ports.ts'
import { openToken } from '../format/token.ts'

/** Who this agent is to its farm. */
export interface AgentIdentity {
  agent: string
  host: string
  machine: string
  signer: Signer
  certificate: string
  /** The farm's id and raw public key. */
  farm: string
  farmKey: Uint8Array
}

/** What enrolment left in the agent's home. Throws `not-enrolled` when it is not there, `identity` when it does not fit. */
export async function loadIdentity(home: string): Promise<AgentIdentity> {
  const read = (name: string) => readFile(join(home, name), 'utf8')
  let pem: string
  let certificate: string
  let farmPem: string
  try {
    ;[pem, certificate, farmPem] = await Promise.all([
      read('agent.key'),
      read('certificate'),
      read('farm.pub'),
    ])
  } catch (error) {
    throw Object.assign(new Error(`This agent is not enrolled: ${(error as Error).message}`), {
      code: 'not-enrolled',
    })
  }
  const farmKey = publicKeyFromPem(farmPem)
  const signer = signerFromPem(pem)
  const { agent, host, key } = openToken(certificate.trim(), 'agent-certificate', farmKey, openCrypto())
  if (key !== toBase64url(signer.publicKey))
    throw Object.assign(new Error('The certificate is for another key: enrol this agent again.'), {
      code: 'identity',
    })
  return {
    agent,
    host,
    machine: await machineId(),
    signer,
    certificate: certificate.trim(),
    farm: farmIdOf(farmKey),
    farmKey,
  }
}

/** The host's own id (machine-id(5)); empty where it has none. */
export async function machineId(): Promise<string> {
  return (await readFile('/etc/machine-id', 'utf8').catch(() => '')).trim()
}
