import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { contentOf } from '../../agent/host/undo-list.ts'
import { CommandError } from '../command-error.ts'
import { readBundle } from '../config-sync/bundle.ts'
import { importConfig } from '../config-sync/import-config.ts'
import type { FarmOptions, ReadFarm } from '../read-farm.ts'
import { type AgentOptions, enableLogins, installAgent, installOwnAgent, planAgent } from './agent-part.ts'
import { copyProgram, linkCommand } from './copy-program.ts'
import { type InstallLog, openInstallLog } from './install-log.ts'
import { enableKeepalived, installLb, planLb, retireDebiansHaproxy } from './lb-part.ts'
import { checkNode, installNode, type NodeInstalled } from './node-part.ts'
import { type NodeOptions, planNode } from './node-settings.ts'
import { places } from './places.ts'
import { type Part, partsOf, programsOf, type Role } from './roles.ts'
import { hasProgram } from './run-command.ts'
import { installUnits, startUnits, systemdRuns } from './units.ts'

// `tapedeck install`: everything is looked at first, then changed; each step may be repeated, so a call that failed is
// corrected by the next one.

export interface InstallOptions {
  /** False: for an image, whose hosts and nodes get theirs when they start. */
  identity: boolean
  /** False: databases and nodes are not asked, nor changed. */
  dbCheck: boolean
  start: boolean
  log: string
  json?: boolean
  node: NodeOptions & { import?: string; farmId?: string }
  agent: AgentOptions
  lb: FarmOptions
}

export interface Installed extends Partial<NodeInstalled> {
  role: Role
  steps: string[]
  started: boolean
}

export async function install(role: Role, options: InstallOptions): Promise<Installed> {
  const parts = partsOf[role]
  if (options.node.import !== undefined && !(parts.includes('node') && options.identity))
    throw new CommandError(
      'import',
      '--import makes a node, with its keys.',
      'Use it with the role node or all-in-one, without --no-identity.',
      2,
    )
  await ensurePossible(parts)
  const bundle =
    options.node.import === undefined
      ? undefined
      : await readBundle(options.node.import, options.node.farmId, places.nodeHome)
  const nodePlan =
    parts.includes('node') && options.identity && !bundle
      ? await planNode(places.nodeHome, options.node)
      : undefined
  const lbPlan = parts.includes('lb') && options.identity ? await planLb(options.lb) : undefined
  const agentPlan = role === 'agent' ? await planAgent(options.agent, options.identity) : undefined
  const log = await openInstallLog(options.log, {
    quiet: options.json === true,
    title: `Installing ${role}.`,
  })
  try {
    if (nodePlan && options.dbCheck) await checkNode(nodePlan, log)
    const before = await configurations()
    let changed = await copyProgram(places.program)
    await log.say(changed ? `Copied the program to ${places.program}.` : `${places.program} is up to date.`)
    await linkCommand(places.command, places.program)
    let plan = nodePlan
    if (bundle) {
      const { changes } = await importConfig(places.nodeHome, bundle, {})
      for (const change of changes) await log.say(change)
      plan = await planNode(places.nodeHome, options.node)
      if (options.dbCheck) await checkNode({ ...plan, fresh: false }, log)
    }
    const node = plan && (await installNode(plan, { ...options.node, dbCheck: options.dbCheck }, log))
    if (lbPlan) await installBalancer(lbPlan, options, log)
    if (role === 'all-in-one' && node?.enrolmentToken !== undefined)
      await installOwnAgent(places.nodeHome, { ...plan!.config, url: node.url }, node.enrolmentToken, log)
    if (agentPlan) await installAgent(agentPlan, options.identity, log)
    for (const part of parts) changed = (await installUnits(part)) || changed
    const started = options.start && options.identity && systemdRuns()
    changed ||= (await configurations()) !== before
    if (started) for (const part of parts) await startUnits(part, changed)
    if (lbPlan?.farm.floating) await enableKeepalived(started)
    if (parts.includes('agent')) await enableLogins(options.agent, log)
    await log.say(
      started
        ? `Started ${parts.join(' and ')}.`
        : `Installed; ${options.identity ? 'systemd starts it at the next boot' : 'this image has no identity'}.`,
    )
    return { role, steps: log.steps, started, ...node }
  } catch (error) {
    await log.say(`Failed: ${(error as Error).message}`)
    throw error
  }
}

/** What programs read when they start: an installation that changes nothing restarts nothing. */
async function configurations(): Promise<string> {
  const { nodeHome, agentHome, haproxyConfig } = places
  const files = [
    ...['node/node.json', 'node/tls.crt', 'node/tls.key', 'farm/farm.key'].map((file) =>
      join(nodeHome, file),
    ),
    ...['agent/agent.json', 'agent/certificate', 'agent/ca.crt'].map((file) => join(agentHome, file)),
    haproxyConfig,
  ]
  return (await Promise.all(files.map(contentOf))).join('\0')
}

async function installBalancer(plan: ReadFarm, options: InstallOptions, log: InstallLog): Promise<void> {
  await retireDebiansHaproxy()
  await installLb(plan, options.dbCheck, log)
}

async function ensurePossible(parts: Part[]): Promise<void> {
  if (process.getuid?.() !== 0)
    throw new CommandError(
      'root',
      'Installing changes the machine, so it needs root.',
      'Run it with sudo.',
      2,
    )
  const wanted = Object.assign(
    { systemctl: 'systemd', useradd: 'passwd' },
    ...parts.map((part) => programsOf[part]),
  )
  const missing: string[] = []
  for (const [program, debian] of Object.entries(wanted as Record<string, string>))
    if (!(await hasProgram(program))) missing.push(debian)
  if (missing.length > 0)
    throw new CommandError(
      'programs',
      `This machine lacks ${missing.join(', ')}.`,
      `Install them: apt-get install ${missing.join(' ')}`,
    )
  if (!existsSync('/etc/machine-id') && parts.includes('agent'))
    throw new CommandError(
      'machine-id',
      'This machine has no /etc/machine-id.',
      "Run 'systemd-machine-id-setup'.",
    )
}
