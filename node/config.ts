import { isIP } from 'node:net'
import { dirname, join, resolve } from 'node:path'
import type { RedisConnection } from './bus/open-bus.ts'
import { isPostgres, parsePostgres } from './catalog/postgres-connection.ts'

/** What node.json says, with every path absolute. */
export interface NodeConfig {
  /** This node's name: in `welcome`, in rows, in its importer's certificate. */
  name: string
  /** Address to listen at. */
  host: string
  /** 0 = any free one. */
  port: number
  /** How people reach it, in links; without it the address it listens at. */
  publicUrl?: string
  stores: string[]
  /** Searched when a file is not where the catalog says. */
  restore?: string
  /** SQLite's file, or `postgres://…`, which has no secret in it. */
  catalog: string
  tlsKey: string
  tlsCert: string
  /** Private key of the farm, PEM. */
  farmKey: string
  /** Private key that signs imported files; made when absent. */
  importerKey: string
  /** Uploads wait here until they are checked. */
  temp: string
  /** The built pages. */
  web: string
  /** SPEC S11: live playback. */
  live: boolean
  /** Index recordings as they come in; else when somebody looks at them. */
  index: boolean
  /** Addresses of the farm's balancers: who else may say for whom a connection is. */
  balancers: string[]
  /** PROXY protocol, then TLS; for balancers. */
  proxyPort?: number
  /** HTTP without TLS; for balancers. */
  plainPort?: number
  /** TLS, for agents alone; what a balancer took in at a port of this number is for agents alone too. */
  agentPort?: number
  /** Tells balancers how loaded this node is. */
  agentCheckPort?: number
  /** Processes that share this node's ports; 1 = the node is one process. */
  workers: number
  /** How the farm's nodes hear from each other. */
  redis?: RedisConnection
  /** Addresses that may read /metrics without signing in, beside this machine's own. */
  monitors: string[]
}

export interface ConfigProblem {
  path: string
  text: string
}

export class ConfigError extends Error {
  readonly code = 'config'
  readonly problems: readonly ConfigProblem[]
  readonly hint = 'Correct the file and start again.'

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(({ path, text }) => `${path}: ${text}`).join('\n'))
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/** More than cores make no sense, and no machine for this has more. */
const workersMax = 64

const webDefault = resolve(import.meta.dirname, '../web/dist')
const known = new Set(
  (
    'name host port publicUrl stores restore catalog tlsKey tlsCert farmKey importerKey temp web live index ' +
    'balancers proxyPort plainPort agentPort agentCheckPort workers redis redisPasswordFile monitors'
  ).split(' '),
)

const farmPortKeys = ['proxyPort', 'plainPort', 'agentPort', 'agentCheckPort'] as const
type FarmPort = (typeof farmPortKeys)[number]

/**
 * Checks the parsed content of node.json; relative paths are taken from `folder`. Throws ConfigError with all problems.
 */
export function parseNodeConfig(value: unknown, folder: string): NodeConfig {
  const problems: ConfigProblem[] = []
  const wrong = (path: string, text: string) => void problems.push({ path, text })
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ConfigError([{ path: '(file)', text: 'expected a JSON object' }])
  const all = value as Record<string, unknown>
  for (const key of Object.keys(all)) if (!known.has(key)) wrong(key, 'there is no such setting')

  const text = (path: string, found: unknown, instead?: string): string => {
    if (found === undefined && instead !== undefined) return instead
    if (typeof found === 'string' && found !== '' && found.length <= 4096 && !found.includes('\0'))
      return found
    wrong(path, `expected a text, got ${JSON.stringify(found) ?? 'nothing'}`)
    return ''
  }
  const file = (key: string, instead?: string) => resolve(folder, text(key, all[key], instead))

  const name = text('name', all.name, 'node')
  if (!/^[\w.-]{1,50}$/.test(name)) wrong('name', 'expected up to 50 letters, digits, dots and dashes')
  const host = text('host', all.host, '127.0.0.1')
  if (host && !isIP(host) && host !== 'localhost')
    wrong('host', `expected an address to listen at, got ${host}`)
  const portOf = (key: string, found: unknown): number => {
    if (!Number.isInteger(found) || (found as number) < 0 || (found as number) > 65_535)
      wrong(key, `expected a whole number from 0 to 65535, got ${JSON.stringify(found)}`)
    return found as number
  }
  const port = portOf('port', all.port ?? 8443)
  const live = all.live ?? true
  if (typeof live !== 'boolean') wrong('live', `expected true or false, got ${JSON.stringify(live)}`)
  const index = all.index ?? true
  if (typeof index !== 'boolean') wrong('index', `expected true or false, got ${JSON.stringify(index)}`)
  const publicUrl = all.publicUrl === undefined ? undefined : text('publicUrl', all.publicUrl)
  if (publicUrl && !isHttpsOrigin(publicUrl))
    wrong('publicUrl', `expected https://HOST or https://HOST:PORT, got ${publicUrl}`)
  const catalog = text('catalog', all.catalog, 'catalog.db')
  if (isPostgres(catalog)) parsePostgres(catalog, (problem) => wrong('catalog', problem))
  const stores = Array.isArray(all.stores) ? all.stores : []
  if (stores.length === 0) wrong('stores', 'expected a list of at least one folder')

  const addresses = (key: string): string[] => {
    const found = Array.isArray(all[key]) ? (all[key] as unknown[]) : []
    if (all[key] !== undefined && !Array.isArray(all[key])) wrong(key, 'expected a list of addresses')
    for (const [i, address] of found.entries())
      if (typeof address !== 'string' || !isIP(address))
        wrong(`${key}[${i}]`, `expected an address, got ${JSON.stringify(address)}`)
    return found as string[]
  }
  const balancers = addresses('balancers')
  const farmPorts: Partial<Record<FarmPort, number>> = {}
  for (const key of farmPortKeys) {
    if (all[key] === undefined) continue
    farmPorts[key] = portOf(key, all[key])
    if (key !== 'agentPort' && balancers.length === 0) wrong(key, 'needs the addresses in `balancers`')
  }

  const workers = all.workers ?? 1
  if (!Number.isInteger(workers) || (workers as number) < 1 || (workers as number) > workersMax)
    wrong('workers', `expected a whole number from 1 to ${workersMax}, got ${JSON.stringify(workers)}`)
  const redis = all.redis === undefined ? undefined : text('redis', all.redis)
  if (redis && !isRedis(redis))
    wrong('redis', 'expected redis://HOST:PORT or rediss://HOST:PORT, with the password in redisPasswordFile')
  if (all.redisPasswordFile !== undefined && redis === undefined)
    wrong('redisPasswordFile', 'is of no use without `redis`')

  const config: NodeConfig = {
    name,
    host,
    port,
    ...(publicUrl && { publicUrl: publicUrl.replace(/\/$/, '') }),
    stores: stores.map((path, i) => resolve(folder, text(`stores[${i}]`, path))),
    ...(all.restore !== undefined && { restore: file('restore') }),
    catalog: isPostgres(catalog) ? catalog : resolve(folder, catalog),
    tlsKey: file('tlsKey', 'tls.key'),
    tlsCert: file('tlsCert', 'tls.crt'),
    farmKey: file('farmKey', '../farm/farm.key'),
    importerKey: file('importerKey', 'importer.key'),
    temp: file('temp', 'temp'),
    web: all.web === undefined ? webDefault : file('web'),
    live: live === true,
    index: index === true,
    balancers,
    ...farmPorts,
    workers: workers as number,
    ...(redis && {
      redis: {
        url: redis,
        ...(all.redisPasswordFile !== undefined && { passwordFile: file('redisPasswordFile') }),
      },
    }),
    monitors: addresses('monitors'),
  }
  if (new Set(config.stores).size < config.stores.length) wrong('stores', 'a folder is there twice')
  if (problems.length > 0) throw new ConfigError(problems)
  return config
}

function isRedis(text: string): boolean {
  const url = URL.parse(text)
  return !!url && /^rediss?:$/.test(url.protocol) && url.hostname !== '' && url.password === ''
}

function isHttpsOrigin(text: string): boolean {
  const url = URL.parse(text)
  return (
    url?.protocol === 'https:' &&
    url.pathname === '/' &&
    url.search === '' &&
    url.hash === '' &&
    url.username === ''
  )
}

/** Where node.json lies in a home. */
export function nodeConfigPath(home: string): string {
  return join(home, 'node', 'node.json')
}

/** The folder that a config file's relative paths start from. */
export function configFolder(path: string): string {
  return dirname(resolve(path))
}
