import { eventually } from '../helpers/eventually.ts'
import type { TestAnswer } from '../helpers/test-node.ts'
import type { FarmBalancer } from './farm-balancer.ts'
import type { FarmHost } from './farm-host.ts'
import type { FarmNode } from './farm-node.ts'

// Whether a farm is well: what its parts say of themselves and of each other.

/** Resolves when who is asked says that it is ready. */
export function ready(ask: (path: string) => Promise<TestAnswer>): Promise<void> {
  return eventually(
    async () => {
      const { status, text } = await ask('/readyz')
      if (status !== 200) throw new Error(`/readyz: ${status} ${text}`)
    },
    { timeoutMs: 120_000, everyMs: 200 },
  )
}

export async function everyNodeUp(
  nodes: readonly FarmNode[],
  balancers: readonly FarmBalancer[],
): Promise<void> {
  for (const balancer of balancers) {
    const status = await balancer.status()
    const up = status.nodes.filter(({ state, check }) => state === 'up' && check.startsWith('L7OK'))
    if (up.length < nodes.length)
      throw new Error(`${balancer.name} has ${up.length} nodes: ${JSON.stringify(status.nodes)}`)
  }
}

export async function everyAgentConnected(hosts: readonly FarmHost[]): Promise<void> {
  for (const host of hosts) {
    const { connection } = await host.status()
    if (connection.state !== 'connected') throw new Error(`${host.name}: ${JSON.stringify(connection)}`)
  }
}
