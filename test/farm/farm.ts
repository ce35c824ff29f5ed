import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { Agent } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from '../helpers/eventually.ts'
import { canMakeNamespaces } from '../helpers/namespaces.ts'
import { noPostgres } from '../helpers/postgres.ts'
import { type AskOptions, askNode, type TestAnswer } from '../helpers/test-node.ts'
import { commandOn, jsonOf, type Ran, run } from '../helpers/up.ts'
import { type FarmBalancer, startFarmBalancer } from './farm-balancer.ts'
import { type FarmDatabase, startFarmDatabase } from './farm-database.ts'
import { type FarmHome, makeFarmHome } from './farm-home.ts'
import { type FarmHost, launcher, startFarmHost } from './farm-host.ts'
import { type FarmNode, shareServer, startFarmNode } from './farm-node.ts'
import { hereNumber, type Machine, openNetwork } from './network.ts'
import { type Program, runProgram } from './program.ts'
import { everyAgentConnected, everyNodeUp, ready } from './well.ts'

// A whole farm on this machine, of the real programs, each on a machine of its own (see network.ts): what `npm run farm`
// shows, what the farm's tests break, and what its benches measure.
//
//   hosts ──▶ floating address ─ HAProxy ─┬▶ nodes ──▶ share (sshfs), PostgreSQL (with a standby), Redis
//             (keepalived, two balancers) ┴▶

export interface Farm {
  /** Everything lies in it, the databases apart. */
  readonly folder: string
  /** In memory; for what a measured session writes. */
  readonly memory: string
  /** How agents and people reach it. */
  readonly url: string
  readonly home: FarmHome
  readonly nodes: readonly FarmNode[]
  readonly balancers: readonly FarmBalancer[]
  readonly hosts: readonly FarmHost[]
  readonly database: FarmDatabase
  readonly redis: Program
  readonly share: Program | undefined
  /** Every program that is killed and comes back by itself. */
  readonly programs: readonly Program[]
  readonly machines: readonly Machine[]
  /** An address of this machine in the farm's network. */
  readonly here: string
  /** More of them: `count` from .200 + `from` on. */
  sources(from: number, count: number): Promise<string[]>
  /** By the floating address, as the administrator. Rejects while nobody answers. */
  ask(path: string, options?: AskOptions): Promise<TestAnswer>
  tapedeck(verb: string, ...args: string[]): Promise<Ran>
  /** `tapedeck lb …`; it takes no home. */
  lb(...args: string[]): Promise<Ran>
  json<T>(...args: string[]): Promise<T>
  /** Resolves when every node is up at every balancer, and every agent is connected. */
  settled(timeoutMs?: number): Promise<void>
  close(): Promise<void>
}

export interface FarmOptions {
  nodes?: number
  hosts?: number
  workers?: number
  /** `local`: all nodes use one folder of this machine, to measure the rest. */
  share?: 'sshfs' | 'local'
  /** At the balancers: passed through, or ended and encrypted again. */
  tls?: 'passed' | 'encrypted'
  tell?(what: string): void
}

/** Why there can be no farm here; `undefined` where there can. */
export function noFarm(): string | undefined {
  if (!canMakeNamespaces()) return 'needs root and namespaces'
  const programs = [
    '/usr/sbin/haproxy',
    '/usr/sbin/keepalived',
    '/usr/bin/redis-server',
    '/usr/bin/sshfs',
    '/usr/lib/openssh/sftp-server',
  ]
  const missing = programs.find((program) => !existsSync(program))
  return missing ? `needs ${missing}` : noPostgres()
}

export async function startFarm(options: FarmOptions = {}): Promise<Farm> {
  const { workers = 2, share: kind = 'sshfs', tell = () => undefined } = options
  const folder = await mkdtemp(join(tmpdir(), 'tapedeck-farm-'))
  const memory = await mkdtemp('/dev/shm/tapedeck-farm-')
  const closing: (() => unknown)[] = [folder, memory].map(
    (path) => () => rm(path, { recursive: true, force: true, maxRetries: 10 }),
  )
  const close = async () => {
    for (const end of closing.toReversed()) await end()
  }
  /** Ended before what it needs. */
  const ending = <T extends { stop(): Promise<void> }>(all: T[]): T[] => {
    closing.push(() => Promise.all(all.map((one) => one.stop())))
    return all
  }
  try {
    tell('a network')
    const network = await openNetwork()
    closing.push(() => network.close())
    const many = (count: number, name: string, first: number) =>
      Promise.all(
        Array.from({ length: count }, (_, i) =>
          network.machine(`${name}-${String(i + 1).padStart(count > 9 ? 2 : 1, '0')}`, first + i),
        ),
      )
    const [nodeMachines, balancerMachines, hostMachines, databaseMachines] = await Promise.all([
      many(options.nodes ?? 3, 'node', 11),
      many(2, 'lb', 1),
      many(options.hosts ?? 10, 'host', 101),
      many(2, 'pg', 21),
    ])
    const redisMachine = await network.machine('redis', 31)
    const shareMachine = kind === 'sshfs' ? await network.machine('share', 41) : undefined
    const here = `${network.prefix}.${hereNumber}`
    const floating = `${network.prefix}.10`
    const url = `https://${floating}`

    tell('PostgreSQL, a standby, Redis and the share')
    const [primary, standby] = databaseMachines as [Machine, Machine]
    const database = await startFarmDatabase(primary, standby, network.prefix)
    closing.push(() => database.close())
    const redisAt = ['--bind', redisMachine.address, '--port', '6379', '--protected-mode', 'no']
    const redis = runProgram({
      name: 'redis',
      folder,
      command: [
        ...redisMachine.within,
        'redis-server',
        ...redisAt,
        ...['--save', '', '--appendonly', 'no', '--dir', folder],
      ],
    })
    redis.start()
    const share = shareMachine && shareServer(shareMachine, folder)
    share?.start()
    ending(share ? [redis, share] : [redis])

    tell('keys, a certificate and the catalog')
    const addressesOf = (machines: Machine[]) => machines.map(({ address }) => address)
    const catalog = (user: string, name: string) =>
      `postgres://${user}@${addressesOf(databaseMachines).join(',')}/${name}?sslmode=disable`
    const home = await makeFarmHome({
      folder,
      url,
      addresses: [floating, ...addressesOf([...nodeMachines, ...balancerMachines])],
      catalog: catalog('tapedeck', 'tapedeck'),
      administrator: catalog('postgres', 'postgres'),
    })

    tell(`${nodeMachines.length} nodes`)
    const settings = {
      balancers: addressesOf(balancerMachines),
      ...{ proxyPort: 8444, plainPort: 8080, agentPort: 1801, agentCheckPort: 1802 },
      workers,
      redis: `redis://${redisMachine.address}:6379`,
      monitors: [here],
    }
    const nodes = ending(
      await Promise.all(
        nodeMachines.map((machine) =>
          startFarmNode({ folder, machine, home, share: shareMachine, settings }),
        ),
      ),
    )

    const agent = new Agent({ ca: home.ca, keepAlive: false })
    const askAt = (host: string, path: string, asked: AskOptions = {}) =>
      askNode(agent, { token: home.token, node: { host, port: 443 } }, path, asked)
    // A balancer that first sees a node down gives it its share little by little.
    await Promise.all(nodes.map(({ machine }) => ready((path) => askAt(machine.address, path))))

    tell('2 balancers')
    const balancers = ending(
      await Promise.all(
        balancerMachines.map((machine) =>
          startFarmBalancer(folder, machine, {
            name: 'farm',
            names: ['rec.farm.test', floating],
            nodes: nodeMachines.map(({ name, address }) => ({ name, address })),
            balancers: balancerMachines.map(({ name, address }) => ({ name, address })),
            floating: { address: `${floating}/24`, interface: 'eth0', routerId: 51 },
            ...(options.tls === 'encrypted' && {
              tls: {
                mode: 'ended',
                certificate: home.bundle,
                toNodes: 'encrypted',
                authority: home.settings.tlsCert,
              },
            }),
          }),
        ),
      ),
    )
    const ask = (path: string, asked: AskOptions = {}) => askAt(floating, path, asked)
    await ready(ask)

    const hosts: FarmHost[] = []
    ending(hosts)
    if (hostMachines.length > 0) {
      tell(`${hostMachines.length} hosts`)
      const made = await ask('/api/agents/tokens', {
        method: 'POST',
        body: { uses: hostMachines.length, expiresInS: 3600 },
      })
      const { token } = made.json as { token: string }
      await Promise.all(
        hostMachines.map(async (machine, i) => {
          // Both of the farm's ports take agents.
          const port = i % 2 === 0 ? '' : ':1801'
          hosts[i] = await startFarmHost({ folder, machine, url: `${url}${port}`, ca: home.ca, token })
        }),
      )
    }
    const tapedeck = commandOn(home.admin)
    const farm: Farm = {
      ...{ folder, memory, url, home, nodes, balancers, hosts, database, redis, share, here, ask, tapedeck },
      programs: [
        ...nodes.flatMap(({ program, mount }) => (mount ? [program, mount] : [program])),
        ...balancers.flatMap(({ haproxy, keepalived }) => [haproxy, keepalived]),
        ...hosts.map(({ program }) => program),
        redis,
        ...(share ? [share] : []),
      ],
      machines: [
        ...balancerMachines,
        ...nodeMachines,
        ...databaseMachines,
        redisMachine,
        ...(shareMachine ? [shareMachine] : []),
        ...hostMachines,
      ],
      lb: (...args) => run(launcher, ['lb', ...args]),
      json: (...args) => jsonOf(tapedeck, args),
      sources: (from, count) =>
        Promise.all(Array.from({ length: count }, (_, i) => network.addHere(200 + from + i))),
      async settled(timeoutMs = 120_000) {
        await eventually(() => everyNodeUp(nodes, balancers), { timeoutMs, everyMs: 200 })
        await eventually(() => everyAgentConnected(hosts), { timeoutMs, everyMs: 200 })
      },
      close,
    }
    await farm.settled()
    return farm
  } catch (error) {
    await close()
    throw error
  }
}
