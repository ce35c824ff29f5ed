import { dirname } from 'node:path'
import { contentOf } from '../../agent/host/undo-list.ts'
import { replaceFile } from '../../disk/atomic-replace.ts'
import { makeFolder } from '../../disk/folder.ts'
import { applyFarm } from '../../lb/apply.ts'
import { checkHaproxyConfig, checkKeepalivedConfig } from '../../lb/check-config.ts'
import { readInstalled } from '../../lb/installed.ts'
import { probeNode } from '../../lb/probe-node.ts'
import { renderHaproxy } from '../../lb/render-haproxy.ts'
import { renderKeepalived } from '../../lb/render-keepalived.ts'
import { readStatus } from '../../lb/runtime.ts'
import { CommandError } from '../command-error.ts'
import { type FarmOptions, type ReadFarm, readFarm } from '../read-farm.ts'
import { replaceKeeping } from '../replace-keeping.ts'
import type { InstallLog } from './install-log.ts'
import { places } from './places.ts'
import { hasProgram, runCommand } from './run-command.ts'

/** Reads the farm file and has HAProxy look at what follows from it. Changes nothing. Throws CommandError or LbError. */
export async function planLb(options: FarmOptions): Promise<ReadFarm> {
  const plan = await readFarm(options)
  if (plan.farm.floating && !(await hasProgram('keepalived')))
    throw new CommandError(
      'programs',
      'The farm has a floating address, and this machine lacks keepalived.',
      'Install it: apt-get install keepalived',
    )
  return plan
}

/** Writes HAProxy's configuration, and has it reloaded where HAProxy runs. May be repeated. */
export async function installLb(
  { text, farm, balancer }: ReadFarm,
  check: boolean,
  log: InstallLog,
): Promise<void> {
  await makeFolder(dirname(farm.runtimeSocket), 0o755)
  await checkHaproxyConfig(farm, renderHaproxy(farm, balancer))
  if (check)
    for (const node of farm.nodes)
      for (const { at, ok, text, hint } of await probeNode(farm, balancer, node))
        await log.say(ok ? `Tested ${at}: ${text}.` : `NOT WELL: ${at} ${text}. ${hint ?? ''}`)
  const before = await contentOf(places.farmFile)
  if (before !== text) {
    await makeFolder(dirname(places.farmFile), 0o755)
    if (before === undefined) await replaceFile(places.farmFile, text, 0o644)
    else await replaceKeeping(places.farmFile, text)
    await log.say(`${places.farmFile} says what the farm is.`)
  }
  // Units and scripts name none, and the host may be called otherwise.
  await replaceFile(places.balancerFile, `${balancer.name}\n`, 0o644)
  const running = await readInstalled(places.haproxyConfig)
    .then(readStatus)
    .then(
      () => true,
      () => false,
    )
  await makeFolder(dirname(places.haproxyConfig), 0o755)
  const { changes, reloaded } = await applyFarm({
    farm,
    balancer,
    config: places.haproxyConfig,
    ...(running && { masterSocket: places.haproxyMaster }),
  })
  if (changes.length > 0)
    await log.say(`${places.haproxyConfig} is written${reloaded ? ' and in force' : ''}.`)
  const { floating } = farm
  if (!floating) return
  const keepalived = renderKeepalived({ ...farm, floating }, balancer)
  await checkKeepalivedConfig(keepalived)
  await makeFolder(dirname(places.keepalivedConfig), 0o755)
  await replaceFile(places.keepalivedConfig, keepalived, 0o644)
  await log.say(`${places.keepalivedConfig} is written.`)
}

/** Debian starts its own HAProxy, which would have the ports. */
export async function retireDebiansHaproxy(): Promise<void> {
  await runCommand('systemctl', 'disable', '--quiet', 'haproxy.service').catch(() => undefined)
}

/** Debian's own unit; it reads what was written. */
export async function enableKeepalived(start: boolean): Promise<void> {
  await runCommand('systemctl', 'enable', '--quiet', 'keepalived.service')
  if (start) await runCommand('systemctl', 'reload-or-restart', 'keepalived.service')
}
