import { farmIdOf, generateKeyPem, signerFromPem } from '../codec/ed25519.ts'
import { toBase64url } from '../format/bytes.ts'
import { signToken } from '../format/token.ts'
import { addAgent } from '../node/catalog/agents.ts'
import { openCatalog } from '../node/catalog/open-catalog.ts'
import type { LoadIdentity } from './load-agent.ts'

/** Enrols agents without asking: their rows are put into the catalog, their certificates signed here. */
export async function enrolLoadAgents(
  catalog: string,
  farmKey: string,
  count: number,
): Promise<LoadIdentity[]> {
  const farm = signerFromPem(farmKey)
  const farmId = farmIdOf(farm.publicKey)
  const nowMs = Date.now()
  const db = await openCatalog(catalog)
  const identities: LoadIdentity[] = []
  for (let i = 0; i < count; i++) {
    const signer = signerFromPem(generateKeyPem())
    const known = { host: `ward-${i}`, key: toBase64url(signer.publicKey) }
    await addAgent(db, { id: `agent-${i}`, host: known.host, machine: '', publicKey: known.key, nowMs })
    const validity = { from: nowMs, until: nowMs + 86_400_000, farm: farmId }
    const certificate = signToken(
      { t: 'agent-certificate', agent: `agent-${i}`, ...known, ...validity },
      farm,
    )
    identities.push({ signer, certificate })
  }
  await db.destroy()
  return identities
}
