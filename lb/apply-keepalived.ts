import { readFile } from 'node:fs/promises'
import { replaceFile } from '../disk/atomic-replace.ts'
import { checkKeepalivedConfig } from './check-config.ts'
import type { Balancer, Farm } from './farm.ts'
import { LbError } from './lb-error.ts'
import { renderKeepalived } from './render-keepalived.ts'

/** Writes keepalived.conf when it is another, and has a running keepalived read it. Throws LbError. */
export async function applyKeepalived(options: {
  farm: Farm
  balancer: Balancer
  file: string
  /** Where keepalived writes its process id. */
  pidFile: string
  keepalived?: string
}): Promise<'unchanged' | 'written' | 'reloaded'> {
  const { farm, balancer, file, pidFile, keepalived } = options
  if (!farm.floating)
    throw new LbError('lb-floating', 'The farm has no floating address.', 'Say `floating` in the farm file.')
  const text = renderKeepalived({ ...farm, floating: farm.floating }, balancer)
  await checkKeepalivedConfig(text, keepalived)
  if ((await readFile(file, 'utf8').catch(() => '')) === text) return 'unchanged'
  await replaceFile(file, text, 0o644)
  const pid = Number(await readFile(pidFile, 'utf8').catch(() => ''))
  if (!(pid > 1)) return 'written'
  process.kill(pid, 'SIGHUP')
  return 'reloaded'
}
