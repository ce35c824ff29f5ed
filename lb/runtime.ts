import { askSocket } from './command-socket.ts'
import type { Installed } from './installed.ts'
import { LbError } from './lb-error.ts'

// What is asked of the running process. It lasts until HAProxy starts anew; `apply` carries it over a reload.

/** Its sources go elsewhere from their next connection on; those that are open go on. */
export async function drainNode(installed: Installed, node: string): Promise<void> {
  for (const server of serversOf(installed, node)) {
    // The node's own word on its weight would undo it.
    await command(installed, `disable agent ${server}`)
    await command(installed, `set server ${server} weight 0`)
  }
}

export async function readyNode(installed: Installed, node: string): Promise<void> {
  for (const server of serversOf(installed, node)) {
    await command(installed, `set server ${server} state ready`)
    await command(installed, `set server ${server} weight 100%`)
    await command(installed, `enable agent ${server}`)
  }
}

function serversOf({ servers }: Installed, node: string): string[] {
  const found = servers.get(node)
  if (found) return found
  throw new LbError(
    'lb-node',
    `There is no node ${node} behind this balancer.`,
    `There are ${[...servers.keys()].join(', ')}.`,
  )
}

/** HAProxy says nothing when it did as told. */
async function command({ runtimeSocket }: Installed, text: string): Promise<void> {
  const answer = (await askSocket(runtimeSocket, text)).trim()
  if (answer !== '') throw new LbError('lb-runtime', `HAProxy refused '${text}': ${answer}`, 'See its log.')
}

export interface BalancerStatus {
  pid: number
  version: string
  uptimeS: number
  connections: number
  /** Sources that have a node. */
  sources: number
  peers: { name: string; connected: boolean }[]
  nodes: NodeStatus[]
}

export interface NodeStatus {
  node: string
  /** Which kind of connection: `nodes` TLS passed through, `pages` HTTP. */
  backend: string
  state: 'up' | 'down' | 'draining' | 'maintenance'
  weight: number
  connections: number
  /** Its last look at the node's health: L7OK 200. */
  check: string
  sinceS: number
}

export async function readStatus(installed: Installed): Promise<BalancerStatus> {
  const ask = (text: string) => askSocket(installed.runtimeSocket, text)
  const info = await ask('show info')
  const fact = (key: string) => new RegExp(`^${key}: (.*)$`, 'm').exec(info)?.[1] ?? ''
  return {
    pid: Number(fact('Pid')),
    version: fact('Version'),
    uptimeS: Number(fact('Uptime_sec')),
    connections: Number(fact('CurrConns')),
    sources: Number(/used:(\d+)/.exec(await ask('show table nodes'))?.[1] ?? 0),
    peers: parsePeers(await ask('show peers')),
    nodes: parseServers(await ask('show stat -1 4 -1')).filter(({ node }) => installed.servers.has(node)),
  }
}

export function parsePeers(answer: string): BalancerStatus['peers'] {
  const found = answer.matchAll(/id=(\S+?)\(remote,(\w+)\).*?last_status=(\w+)/g)
  return [...found].map(([, name, active, status]) => ({
    name: name!,
    connected: active === 'active' && status === 'ESTA',
  }))
}

export function parseServers(csv: string): NodeStatus[] {
  const [head = '', ...rows] = csv.trim().split('\n')
  const columns = head.replace(/^# /, '').split(',')
  return rows.map((row) => {
    const cells = row.split(',')
    const cell = (name: string) => cells[columns.indexOf(name)] ?? ''
    return {
      node: cell('svname'),
      backend: cell('pxname'),
      state: stateOf(cell('status'), Number(cell('weight'))),
      weight: Number(cell('weight')),
      connections: Number(cell('scur')),
      check: `${cell('check_status')} ${cell('check_code')}`.trim(),
      sinceS: Number(cell('lastchg')),
    }
  })
}

function stateOf(status: string, weight: number): NodeStatus['state'] {
  if (status.startsWith('MAINT')) return 'maintenance'
  if (status.startsWith('DOWN') || status.startsWith('NOLB')) return 'down'
  return status.startsWith('DRAIN') || weight === 0 ? 'draining' : 'up'
}
