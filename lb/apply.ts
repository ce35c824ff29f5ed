import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { replaceFile } from '../disk/atomic-replace.ts'
import { createFile } from '../disk/exclusive-file.ts'
import { removeFile } from '../disk/folder.ts'
import { changes } from './changes.ts'
import { checkHaproxyConfig } from './check-config.ts'
import type { Balancer, Farm } from './farm.ts'
import { type Installed, parseInstalled } from './installed.ts'
import { LbError } from './lb-error.ts'
import { reload, showProcesses } from './master.ts'
import { renderHaproxy } from './render-haproxy.ts'
import { type BalancerStatus, drainNode, readStatus } from './runtime.ts'

export interface ApplyOptions {
  farm: Farm
  balancer: Balancer
  /** haproxy.cfg. */
  config: string
  /** Absent: the file alone is written, for a HAProxy that is not started yet. */
  masterSocket?: string
  haproxy?: string
  /** Reload also when the file is as it should be: a certificate was renewed. */
  reloadAlways?: boolean
}

export interface Applied {
  /** Lines that went and came; empty when the file was as it should be. */
  changes: string[]
  reloaded: boolean
  /** Nodes that were drained before and are again. */
  drained: string[]
}

/** A process asks for the table of the one before it for 5 s, and hands over none until then. */
const tableReadyS = 6
/** Nothing in it is secret: certificates are named, not held. */
const configMode = 0o644

/**
 * Brings a balancer to what the farm file says: checks, replaces the file in one step, reloads without refusing a
 * connection. If HAProxy does not come up with it, the old file is put back and in force again. Throws LbError.
 */
export async function applyFarm(options: ApplyOptions): Promise<Applied> {
  const { farm, balancer, config, masterSocket, haproxy } = options
  const text = renderHaproxy(farm, balancer)
  await checkHaproxyConfig(farm, text, haproxy)
  const before = await readIfThere(config)
  if (before === text && !options.reloadAlways) return { changes: [], reloaded: false, drained: [] }

  const old = before === undefined ? undefined : installedOf(before)
  if (masterSocket !== undefined) await showProcesses(masterSocket)
  // A HAProxy that does not answer has nothing to carry over.
  const running = old && (await readStatus(old).catch(() => undefined))
  const drained = running ? drainedNodes(running) : []
  if (running) await sleep(Math.max(0, tableReadyS - running.uptimeS) * 1000)
  if (before !== undefined && !old)
    await createFile(`${config}.before-tapedeck`, Buffer.from(before), configMode)
  await replaceFile(config, text, configMode)
  const done = { changes: changes(old ? before! : '', text) }
  if (masterSocket === undefined) return { ...done, reloaded: false, drained: [] }

  const failure = await tryReload(masterSocket)
  if (failure !== undefined) {
    await putBack(config, before)
    const back = await tryReload(masterSocket)
    if (old && back === undefined) await drainAgain(old, drained)
    throw new LbError(
      'lb-rolled-back',
      `HAProxy did not start with the new configuration: ${failure}`,
      back === undefined
        ? 'The old file is back and in force. The log of HAProxy says why, most often a port that is taken.'
        : `The old file is back, but is not in force either: ${back}. Start HAProxy and look into its log.`,
    )
  }
  return { ...done, reloaded: true, drained: await drainAgain(parseInstalled(text)!, drained) }
}

async function drainAgain(installed: Installed, nodes: string[]): Promise<string[]> {
  const still = nodes.filter((node) => installed.servers.has(node))
  for (const node of still) await drainNode(installed, node)
  return still
}

/** `undefined` for a file of somebody else, also for ours that somebody else rewrote. */
function installedOf(text: string): Installed | undefined {
  try {
    return parseInstalled(text)
  } catch {
    return undefined
  }
}

/** Why not, if not. */
async function tryReload(masterSocket: string): Promise<string | undefined> {
  try {
    return (await reload(masterSocket)) ? undefined : 'the old process was kept'
  } catch (error) {
    return (error as Error).message
  }
}

function drainedNodes({ nodes }: BalancerStatus): string[] {
  return [...new Set(nodes.filter(({ state }) => state === 'draining').map(({ node }) => node))]
}

async function putBack(config: string, before: string | undefined): Promise<void> {
  if (before === undefined) await removeFile(config)
  else await replaceFile(config, before, configMode)
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new LbError(
      'lb-config',
      `${path} cannot be read: ${(error as Error).message}`,
      'Are you root?',
      error,
    )
  }
}
