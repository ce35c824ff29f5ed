import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setUpNode } from '../node/setup.ts'
import type { LoadIdentity } from './load-agent.ts'
import { enrolLoadAgents } from './load-identities.ts'
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
  const farmKey = await readFile(join(home, 'farm', 'farm.key'), 'utf8')
  const identities = await enrolLoadAgents(join(home, 'node', 'catalog.db'), farmKey, agents)
  const tls = { key: join(home, 'node', 'tls.key'), cert: join(home, 'node', 'tls.crt') }
  return {
    server: await startServer([join(import.meta.dirname, '..', 'node', 'main.ts'), setUp.config]),
    ca: await readFile(tls.cert, 'utf8'),
    identities,
    store: join(home, 'node', 'recordings'),
    tls,
  }
}
