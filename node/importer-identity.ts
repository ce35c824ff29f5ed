import { readFile } from 'node:fs/promises'
import { farmIdOf, generateKeyPem, signerFromPem } from '../codec/ed25519.ts'
import { replaceFile } from '../disk/atomic-replace.ts'
import { toBase64url } from '../format/bytes.ts'
import type { Signer } from '../format/ports.ts'
import { signToken } from '../format/token.ts'

// Files of other programs are not signed by anyone. A node that imports one signs it with a key of its own, and its
// certificate says so: the signature proves what was imported, not who typed it.

export interface ImporterIdentity {
  signer: Signer
  certificate: string
}

/** The name in the certificate; no agent has it. */
export function importerAgent(node: string): string {
  return `importer-${node}`.slice(0, 64)
}

/** As long as an agent's: the farm ends it by changing its key. */
export const certificateMs = 10 * 365 * 86_400_000

export async function openImporter(path: string, node: string, farm: Signer): Promise<ImporterIdentity> {
  let pem: string
  try {
    pem = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    pem = generateKeyPem()
    await replaceFile(path, pem, 0o600)
  }
  const signer = signerFromPem(pem)
  const nowMs = Date.now()
  const certificate = signToken(
    {
      t: 'agent-certificate',
      agent: importerAgent(node),
      host: node,
      key: toBase64url(signer.publicKey),
      from: nowMs,
      until: nowMs + certificateMs,
      farm: farmIdOf(farm.publicKey),
    },
    farm,
  )
  return { signer, certificate }
}
