import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { nodeConfigPath, parseNodeConfig } from '../../node/config.ts'
import { asOwnerOf } from '../as-owner.ts'
import { farmPorts } from '../install/node-settings.ts'
import { replaceKeeping } from '../replace-keeping.ts'
import { changedSettings } from './changed-settings.ts'

/** Lets a balancer speak for its clients to the node of this home; the former file stays beside it. Throws ConfigError. */
export function addLbHost(home: string, address: string): Promise<string[]> {
  return asOwnerOf(home, async () => {
    const path = nodeConfigPath(home)
    const before = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>
    const known = Array.isArray(before.balancers) ? (before.balancers as unknown[]) : []
    const after = {
      ...farmPorts,
      ...before,
      balancers: known.includes(address) ? known : [...known, address],
    }
    parseNodeConfig(after, dirname(path))
    const changes = changedSettings(before, after)
    if (changes.length > 0) await replaceKeeping(path, `${JSON.stringify(after, null, 2)}\n`)
    return changes
  })
}
