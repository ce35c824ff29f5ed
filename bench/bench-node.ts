import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { farmIdOf, generateKeyPem, signerFromPem } from '../codec/ed25519.ts'
import { toBase64url } from '../format/bytes.ts'
import { signToken } from '../format/token.ts'
import { addAgent } from '../node/catalog/agents.ts'
import { openCatalog } from '../node/catalog/open-catalog.ts'
import { setUpNode } from '../node/setup.ts'
import type { LoadIdentity } from './load-agent.ts'
import { type ServerProcess, startServer } from './server-process.ts'

export interface BenchNode {
  server: ServerProcess
  ca: string
  /** Of agents that are enrolled. */
  identities: LoadIdentity[]
  /** Where its recordings lie. */
  store: string
  tls: { key: string; cert: string }
}

/** The node as it runs: `node/main.ts` in a process of its own, on a home in `home`, with TLS and its SQLite catalog. */
export async function startBenchNode(home: string, agents: number): Promise<BenchNode> {
  const setUp = await setUpNode({ home, port: 0 })
  const farm = signerFromPem(await readFile(join(home, 'farm', 'farm.key'), 'utf8'))
  const farmId = farmIdOf(farm.publicKey)
  const nowMs = Date.now()
  const db = await openCatalog(join(home, 'node', 'catalog.db'))
  const identities: LoadIdentity[] = []
  for (let i = 0; i < agents; i++) {
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
  const tls = { key: join(home, 'node', 'tls.key'), cert: join(home, 'node', 'tls.crt') }
  return {
    server: await startServer([join(import.meta.dirname, '..', 'node', 'main.ts'), setUp.config]),
    ca: await readFile(tls.cert, 'utf8'),
    identities,
    store: join(home, 'node', 'recordings'),
    tls,
  }
}
