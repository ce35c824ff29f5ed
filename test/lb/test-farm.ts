import { readFile, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { ExecutionContext } from 'ava'
import type { Farm } from '../../lb/farm.ts'
import { parseFarm } from '../../lb/parse-farm.ts'
import type { NodeOptions } from '../../node/node.ts'
import type { Identities } from '../helpers/sample-stream.ts'
import { temporaryFolder } from '../helpers/test-node.ts'
import { connectAgent, type TestAgent } from '../node/ingest/test-agent.ts'
import { startBalancer, type TestBalancer } from './test-balancer.ts'
import { type FarmNode, startNodes } from './test-nodes.ts'

// Real balancers before real nodes, each with an address of its own in 127.0.0.0/8.

export interface TestFarm {
  folder: string
  /** What the operator of a balancer writes. */
  file(balancer: string): Record<string, unknown>
  farm: Farm
  nodes: FarmNode[]
  balancers: TestBalancer[]
  identities: Identities
  ca: Buffer
  /** An address that no client has had. */
  client(): string
  /** Connects an agent; says which node it is on. */
  agent(options?: Way): Promise<{ agent: TestAgent; node: string }>
  ask(
    path: string,
    options?: Way & { method?: string; body?: string; headers?: Record<string, string> },
  ): Promise<{ status: number; text: string }>
}

/** From which address, to which address and port of a balancer; by default to the first one's port for people. */
export interface Way {
  from?: string
  to?: string
  port?: number
}

export interface FarmOptions {
  nodes?: number
  balancers?: number
  tls?: 'passed' | 'plain' | 'encrypted'
  times?: object
  /** The first balancer takes IPv6 too. */
  six?: boolean
  node?: NodeOptions
}

let farms = 0

export async function startTestFarm(t: ExecutionContext, options: FarmOptions = {}): Promise<TestFarm> {
  const folder = await temporaryFolder(t)
  farms += 1
  const prefix = `127.${1 + (process.pid % 250)}.${farms}`
  const [http, https, agents, peers, stats] = await freePorts(5)
  const balancers = Array.from({ length: options.balancers ?? 1 }, (_, i) => ({
    name: `lb-${i + 1}`,
    address: `${prefix}.${i + 1}`,
    listen: [`${prefix}.${i + 1}`, ...(options.six && i === 0 ? ['::1'] : [])],
  }))
  const { nodes, identities } = await startNodes(
    t,
    folder,
    Array.from({ length: options.nodes ?? 2 }, (_, i) => `node-${i + 1}`),
    {
      config: (i) => ({
        host: `${prefix}.${11 + i}`,
        balancers: balancers.map(({ address }) => address),
        agentPort: agents!,
      }),
      ...(options.node && { node: options.node }),
    },
  )
  const { tlsCert, tlsKey } = nodes[0]!.config
  const ca = await readFile(tlsCert)
  const certificate = join(folder, 'balancer.pem')
  await writeFile(certificate, `${ca}\n${await readFile(tlsKey, 'utf8')}`)
  const tls = {
    passed: { mode: 'passed' },
    plain: { mode: 'ended', certificate, toNodes: 'plain' },
    encrypted: { mode: 'ended', certificate, toNodes: 'encrypted', authority: tlsCert },
  }[options.tls ?? 'passed']
  const file = (balancer: string) => ({
    name: 'ward',
    names: ['localhost'],
    nodes: nodes.map(({ name, config, running: { port, ports } }) => ({
      name,
      address: config.host,
      proxyPort: ports.proxy,
      httpsPort: port,
      plainPort: ports.plain,
      agentCheckPort: ports.agentCheck,
    })),
    balancers,
    tls,
    ports: { http, https, agents, peers, stats },
    times: { checkS: 1, slowStartS: 0, ...options.times },
    account: null,
    // Both run on this one machine.
    runtimeSocket: join(folder, `${balancer}.sock`),
  })

  let clients = 0
  return {
    folder,
    file,
    farm: parseFarm(file('lb-1')),
    nodes,
    balancers: await Promise.all(
      balancers.map(({ name }) => startBalancer(t, folder, parseFarm(file(name)), name)),
    ),
    identities,
    ca,
    client() {
      clients += 1
      return `127.${1 + (process.pid % 250)}.${200 + Math.floor(clients / 250)}.${1 + (clients % 250)}`
    },
    async agent({ from, to = `${prefix}.1`, port = https! } = {}) {
      const url = `wss://${to.includes(':') ? `[${to}]` : to}:${port}/agent/v1`
      const socket = { servername: 'localhost', ...(from && { localAddress: from }) }
      const agent = await connectAgent(url, identities, { ca, socket })
      t.teardown(() => agent.socket.terminate())
      const welcome = agent.messages.find((message) => message.type === 'welcome')
      if (!welcome) throw new Error(`No welcome at ${url}: ${JSON.stringify(agent.closed)}`)
      return { agent, node: welcome.node }
    },
    ask: (path, asked = {}) =>
      new Promise((resolve, reject) => {
        const { from, to = `${prefix}.1`, port = https!, method = 'GET', body, headers } = asked
        const call = request({
          ...{ host: to, port, path, method, ca, servername: 'localhost', agent: false },
          headers: { 'content-type': 'application/json', ...headers },
          ...(from && { localAddress: from }),
        })
        call.on('error', reject)
        call.on('response', async (answer) =>
          resolve({ status: answer.statusCode!, text: await text(answer) }),
        )
        call.end(body)
      }),
  }
}

/** Free on every address. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports: number[] = []
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, resolve))
    ports.push((server.address() as AddressInfo).port)
  }
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
