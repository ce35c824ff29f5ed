import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { contentOf } from '../../agent/host/undo-list.ts'
import { isPostgres } from '../../node/catalog/postgres-connection.ts'
import { type NodeConfig, nodeConfigPath, parseNodeConfig } from '../../node/config.ts'
import { policyOf, systemPolicies } from '../../node/policy/recording-policy.ts'
import { CommandError } from '../command-error.ts'

// What the flags of `tapedeck install node` say, as settings of node.json. A flag that is not given changes nothing.

export interface NodeOptions {
  name?: string
  listen?: string
  port?: number
  agentPort?: number
  publicUrl?: string
  catalog?: string
  store?: string[]
  redis?: string
  redisPasswordFile?: string
  balancer?: string[]
  workers?: number
  monitor?: string[]
  tlsCert?: string
  tlsKey?: string
  /** Recording policy to begin with. */
  policy?: string
}

export interface NodePlan {
  port: number
  catalog: string
  settings: Record<string, unknown>
  /** What node.json will say, checked. */
  config: NodeConfig
  /** True where there is no node.json yet. */
  fresh: boolean
}

/** Ports of a node behind balancers, as a farm file has them unless told. */
export const farmPorts = { proxyPort: 8444, agentPort: 1801, agentCheckPort: 1802 }
const portDefault = 443
/** A node with more workers than this gains little: its disk is what it waits for. */
const workersDefaultMax = 4

/** Throws ConfigError with everything that is wrong, or CommandError. Changes nothing. */
export async function planNode(home: string, options: NodeOptions): Promise<NodePlan> {
  if ((options.tlsCert === undefined) !== (options.tlsKey === undefined))
    throw new CommandError('tls', 'A certificate needs its key.', 'Give both --tls-cert and --tls-key.', 2)
  if (options.policy !== undefined && !policyOf(options.policy))
    throw new CommandError(
      'policy',
      `There is no policy ${options.policy}.`,
      `Begin with one of ${systemPolicies.map(({ id }) => id).join(', ')}.`,
      2,
    )
  const before = await readJson(nodeConfigPath(home))
  const fresh = before === undefined
  const given = givenSettings(options, before ?? {})
  const port = options.port ?? (before?.port as number | undefined) ?? portDefault
  const catalog =
    options.catalog === undefined
      ? ((before?.catalog as string | undefined) ?? 'catalog.db')
      : isPostgres(options.catalog)
        ? options.catalog
        : resolve(options.catalog)
  if (!fresh && options.catalog !== undefined && catalog !== before.catalog)
    throw new CommandError(
      'catalog',
      'This node has another database already.',
      "Change it with 'tapedeck db set', which copies what the present one has.",
    )
  const settings = fresh ? { ...firstSettings(), ...given } : given
  const whole = { stores: ['recordings'], ...before, catalog, port, ...settings }
  return { port, catalog, settings, fresh, config: parseNodeConfig(whole, resolve(home, 'node')) }
}

function firstSettings(): Record<string, unknown> {
  return {
    // Everybody may come; who may do what is the node's to say.
    host: '0.0.0.0',
    agentPort: farmPorts.agentPort,
    workers: Math.min(workersDefaultMax, availableParallelism()),
  }
}

function givenSettings(options: NodeOptions, before: Record<string, unknown>): Record<string, unknown> {
  const { name, listen, agentPort, publicUrl, store, redis, redisPasswordFile, balancer, workers, monitor } =
    options
  const behind = balancer && { ...farmPorts, ...pick(before, Object.keys(farmPorts)), balancers: balancer }
  const all = {
    name,
    host: listen,
    publicUrl,
    stores: store?.map((path) => resolve(path)),
    redis,
    redisPasswordFile: redisPasswordFile && resolve(redisPasswordFile),
    workers,
    monitors: monitor,
    ...behind,
    agentPort: agentPort ?? behind?.agentPort,
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

function pick(from: Record<string, unknown>, keys: string[]): Record<string, unknown> {
  return Object.fromEntries(keys.filter((key) => key in from).map((key) => [key, from[key]]))
}

async function readJson(path: string): Promise<Record<string, unknown> | undefined> {
  const text = await contentOf(path)
  try {
    return text === undefined ? undefined : (JSON.parse(text) as Record<string, unknown>)
  } catch (error) {
    throw new CommandError('config', `${path} is no JSON: ${(error as Error).message}`, 'Correct it first.')
  }
}
