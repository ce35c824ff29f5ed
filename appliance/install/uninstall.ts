import { existsSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { disableHost } from '../../agent/host/disable.ts'
import { hostPaths } from '../../agent/host/host-paths.ts'
import { nodeConfigPath } from '../../node/config.ts'
import { readNodeConfig } from '../../node/read-config.ts'
import { CommandError } from '../command-error.ts'
import { homePaths } from '../home.ts'
import { askAgent } from '../status.ts'
import { type InstallLog, openInstallLog } from './install-log.ts'
import { places, serviceUser } from './places.ts'
import { type Part, partsOf, type Role } from './roles.ts'
import { runCommand } from './run-command.ts'
import { isInstalled, removeUnits, systemdRuns } from './units.ts'

export interface UninstallOptions {
  /** Homes stay: keys, catalogs, queues, configurations. */
  keepData?: boolean
  force?: boolean
  log: string
  json?: boolean
}

const allParts: Part[] = ['node', 'lb', 'agent']

/**
 * Takes a role from this machine, or all that is there. Stores outside of a node's home are never removed: other nodes write
 * there. The install log stays, and so does an administrator log in a database of its own.
 */
export async function uninstall(role: Role | undefined, options: UninstallOptions): Promise<void> {
  if (process.getuid?.() !== 0)
    throw new CommandError('root', 'Removing changes the machine, so it needs root.', 'Run it with sudo.', 2)
  const parts = (role ? partsOf[role] : allParts).filter(isInstalled)
  if (parts.length === 0) {
    process.stdout.write(options.json ? '{"steps":[]}\n' : 'Nothing of it is installed here.\n')
    return
  }
  if (parts.includes('agent') && !options.keepData && !options.force) await refuseUnsent()
  if (!options.keepData && !options.force) await confirm(parts)
  const log = await openInstallLog(options.log, {
    quiet: options.json === true,
    title: `Removing ${parts.join(' and ')}.`,
  })
  if (parts.includes('agent') && existsSync(hostPaths.hostConf)) {
    // It watches the file of accounts, which changes now.
    if (systemdRuns()) await runCommand('systemctl', 'stop', 'tapedeck-host-sync.path')
    const released = await disableHost()
    await log.say(`Logins are recorded no more of ${released.join(', ') || 'anybody'}.`)
  }
  for (const part of parts) {
    await removeUnits(part)
    await log.say(`Stopped and removed the ${part}.`)
    if (options.keepData) continue
    if (part === 'node') await removeNodeHome(log)
    if (part === 'agent') await removeHome(places.agentHome, log)
    if (part === 'lb') {
      await removeHome(places.lbHome, log)
      await rm(places.balancerFile, { force: true })
    }
  }
  if (options.keepData) await log.say('Homes were kept.')
  if (!allParts.some(isInstalled)) await removeProgram(options, log)
  if (options.json) process.stdout.write(`${JSON.stringify({ steps: log.steps })}\n`)
}

async function refuseUnsent(): Promise<void> {
  const state = await askAgent(homePaths(places.agentHome)).catch(() => undefined)
  const spool = await readdir(join(places.agentHome, 'agent', 'spool')).catch(() => [])
  if (state ? state.queue.bytes === 0 && state.sessions.length === 0 : spool.length === 0) return
  throw new CommandError(
    'unsent',
    state
      ? `${state.queue.bytes} bytes were not sent yet, ${state.sessions.length} sessions are being recorded.`
      : `${spool.length} recordings may not have been sent.`,
    'Wait until they are sent, or use --keep-data; --force loses them.',
  )
}

async function confirm(parts: Part[]): Promise<void> {
  if (!process.stdin.isTTY)
    throw new CommandError(
      'not-confirmed',
      'This removes keys and data for good.',
      'Use --force, or --keep-data.',
      2,
    )
  const input = createInterface({ input: process.stdin, output: process.stdout })
  const answer = await input.question(
    `Remove the ${parts.join(' and ')} of this machine with keys and data? [y/N] `,
  )
  input.close()
  if (!/^y(es)?$/i.test(answer.trim())) throw new CommandError('not-confirmed', 'Nothing was removed.')
}

async function removeNodeHome(log: InstallLog): Promise<void> {
  const config = await readNodeConfig(nodeConfigPath(places.nodeHome)).catch(() => undefined)
  await removeHome(places.nodeHome, log)
  for (const store of config?.stores ?? [])
    if (!store.startsWith(`${places.nodeHome}/`)) await log.say(`The store ${store} was left as it is.`)
}

async function removeHome(home: string, log: InstallLog): Promise<void> {
  await rm(home, { recursive: true, force: true })
  await log.say(`Removed ${home}.`)
}

async function removeProgram({ keepData }: UninstallOptions, log: InstallLog): Promise<void> {
  await rm(places.logRotation, { force: true })
  await rm(places.command, { force: true })
  for (const cache of ['/var/cache/tapedeck', '/var/cache/tapedeck-node', '/var/cache/tapedeck-lb'])
    await rm(cache, { recursive: true, force: true })
  // A kept home stays its user's.
  if (!keepData) await runCommand('userdel', serviceUser).catch(() => undefined)
  await rm(places.program, { recursive: true, force: true })
  await log.say(`Removed ${places.program}.`)
}
