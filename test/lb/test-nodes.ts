import { cp, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { pino } from 'pino'
import { toBase64url } from '../../format/bytes.ts'
import { addAgent } from '../../node/catalog/agents.ts'
import { openCatalog } from '../../node/catalog/open-catalog.ts'
import type { NodeConfig } from '../../node/config.ts'
import { type NodeOptions, type RunningNode, startNode } from '../../node/node.ts'
import { readNodeConfig } from '../../node/read-config.ts'
import { setUpNode } from '../../node/setup.ts'
import { type Identities, makeIdentities } from '../helpers/sample-stream.ts'

// Real nodes of one farm: its keys, its certificate, its agent. They share no store and no catalog: what is tested with
// them is who gets which connection.

export interface LogLine {
  code?: string
  address?: string
  remoteAddress?: string
}

export interface FarmNode {
  name: string
  config: NodeConfig
  running: RunningNode
  log: LogLine[]
}

export async function startNodes(
  t: ExecutionContext,
  folder: string,
  names: string[],
  options: { config: (i: number) => Partial<NodeConfig>; node?: NodeOptions },
): Promise<{ nodes: FarmNode[]; identities: Identities }> {
  const homes = names.map((name) => join(folder, name))
  for (const home of homes) {
    if (home !== homes[0]) {
      await mkdir(join(home, 'node'), { recursive: true })
      for (const part of ['farm', 'node/tls.key', 'node/tls.crt'])
        await cp(join(homes[0]!, part), join(home, part), { recursive: true })
    }
    await setUpNode({ home, port: 0 })
  }
  const identities = makeIdentities(await readFile(join(homes[0]!, 'farm', 'farm.key'), 'utf8'))
  const nodes = homes.map(async (home, i) => {
    const config: NodeConfig = {
      ...(await readNodeConfig(join(home, 'node', 'node.json'))),
      name: names[i]!,
      proxyPort: 0,
      plainPort: 0,
      agentCheckPort: 0,
      ...options.config(i),
    }
    await addTestAgent(config, identities)
    const log: LogLine[] = []
    const running = await startNode(config, {
      log: pino({ level: 'info' }, { write: (line: string) => void log.push(JSON.parse(line)) }),
      ...options.node,
    })
    t.teardown(() => running.close())
    return { name: config.name, config, running, log }
  })
  return { nodes: await Promise.all(nodes), identities }
}

async function addTestAgent({ catalog }: NodeConfig, { agent }: Identities): Promise<void> {
  const db = await openCatalog(catalog)
  const publicKey = toBase64url(agent.publicKey)
  await addAgent(db, { id: 'agent-1', host: 'ward-7', machine: 'm-1', publicKey, nowMs: Date.now() })
  await db.destroy()
}
