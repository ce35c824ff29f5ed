import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { farmIdOf, publicKeyFromPem, signerFromPem } from '../codec/ed25519.ts'
import type { Signer } from '../format/ports.ts'
import { peekToken } from '../format/token.ts'

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

/** What enrolment left in the agent's home. Throws `not-enrolled` when it is not there. */
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
  const { agent, host } = peekToken(certificate.trim(), 'agent-certificate')
  const farmKey = publicKeyFromPem(farmPem)
  return {
    agent,
    host,
    machine: await machineId(),
    signer: signerFromPem(pem),
    certificate: certificate.trim(),
    farm: farmIdOf(farmKey),
    farmKey,
  }
}

/** The host's own id (machine-id(5)); empty where it has none. */
export async function machineId(): Promise<string> {
  return (await readFile('/etc/machine-id', 'utf8').catch(() => '')).trim()
}
