import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { loadAgentConfig } from '../../agent/config.ts'
import { enrol, pointAtFarm } from '../../agent/enrol.ts'
import { enableHost } from '../../agent/host/enable.ts'
import { hostPaths } from '../../agent/host/host-paths.ts'
import { hostSettings } from '../../agent/host/host-settings.ts'
import { contentOf } from '../../agent/host/undo-list.ts'
import { loadIdentity } from '../../agent/identity.ts'
import { CommandError } from '../command-error.ts'
import { homePaths } from '../home.ts'
import { settingsNow } from '../host.ts'
import { ownAddress, ownUrl } from '../own-address.ts'
import type { InstallLog } from './install-log.ts'
import { places } from './places.ts'

export interface AgentOptions {
  /** Without it the one that is known, or this machine. */
  server?: string
  protocol: string
  /** 0 = the protocol's own. */
  port: number
  token?: string
  tokenFile?: string
  ca?: string
  users?: string
  groups?: string
}

const home = homePaths(places.agentHome).agent

export interface AgentPlan {
  url: string
  enrolled: boolean
  token?: string
  ca?: string
}

/** What the flags mean on this host. Changes nothing. Throws CommandError. */
export async function planAgent(options: AgentOptions, identity: boolean): Promise<AgentPlan> {
  const { tokenFile } = options
  const token =
    options.token ?? (tokenFile === undefined ? undefined : (await readFile(tokenFile, 'utf8')).trim())
  const ca = options.ca === undefined ? undefined : await readFile(options.ca, 'utf8')
  const enrolled = identity && (await isEnrolled())
  const known = options.server === undefined ? await loadAgentConfig(home).catch(() => undefined) : undefined
  const url = known?.url ?? farmUrl({ ...options, server: options.server ?? 'localhost' })
  if (identity && !enrolled && token === undefined)
    throw new CommandError(
      'token',
      'This host is not enrolled.',
      "Give --token or --token-file; 'tapedeck agent token' makes one.",
      2,
    )
  return { url, enrolled, ...(token !== undefined && { token }), ...(ca !== undefined && { ca }) }
}

/** Gives the host its identity, or in an image what it needs to get one at its first start. May be repeated. */
export async function installAgent(
  { url, enrolled, token, ca }: AgentPlan,
  identity: boolean,
  log: InstallLog,
): Promise<void> {
  const farm = { url, settings: { host: true }, ...(ca !== undefined && { ca }) }
  if (!identity) {
    await pointAtFarm(home, { ...farm, ...(token !== undefined && { token }) })
    await log.say(
      token === undefined
        ? `The agent knows ${url}; each host made from this image still needs to enrol.`
        : `Each host made from this image enrols itself at ${url} at its first start.`,
    )
  } else if (enrolled) {
    await pointAtFarm(home, farm)
    await log.say(`Enrolled already; the farm is ${url}.`)
  } else {
    const { agent } = await enrol({ ...farm, home, token: token! })
    await log.say(`Enrolled at ${url} as ${agent}.`)
  }
}

/** Has logins recorded from now on, where the flags name some; where some are already, by this version's recorder. */
export async function enableLogins({ users, groups }: AgentOptions, log: InstallLog): Promise<void> {
  const enabled = (await contentOf(hostPaths.hostConf)) !== undefined
  if (!enabled && users === undefined && groups === undefined) return
  const { recorded } = await enableHost(
    hostSettings({ ...(users && { users }), ...(groups && { groups }) }, await settingsNow()),
  )
  await log.say(`Logins are recorded of ${recorded.map(({ name }) => name).join(', ')}.`)
}

/** On one machine: the agent enrols at its first start, when the node listens. */
export async function installOwnAgent(
  nodeHome: string,
  node: { host: string; port: number; url: string },
  token: string,
  log: InstallLog,
): Promise<void> {
  if (await isEnrolled()) return
  const ca = await readFile(join(nodeHome, 'node', 'tls.crt'), 'utf8')
  // By the address, which needs no resolver, unless the certificate is the operator's own.
  const url = new X509Certificate(ca).checkIP(ownAddress(node.host)) ? ownUrl(node) : node.url
  await pointAtFarm(home, { url, ca, token, settings: { host: true } })
  await log.say("The agent enrols at this machine's node at its first start.")
}

function isEnrolled(): Promise<boolean> {
  return loadIdentity(home).then(
    () => true,
    () => false,
  )
}

function farmUrl({ server, protocol, port }: AgentOptions & { server: string }): string {
  const host = server.includes(':') && !server.startsWith('[') ? `[${server}]` : server
  const url = `${protocol}://${host}${port === 0 ? '' : `:${port}`}`
  if (/^https?$/.test(protocol) && /^[\w.:[\]-]+$/.test(server) && URL.canParse(url)) return url
  throw new CommandError(
    'server',
    `Expected the name or address of a farm, and the protocol https or http; got ${protocol}, ${server}.`,
    'As in: --server rec.example.org --protocol https --port 1801.',
    2,
  )
}
