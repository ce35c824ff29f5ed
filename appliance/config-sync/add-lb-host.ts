import { chown, readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { replaceFile } from '../../disk/atomic-replace.ts'
import { nodeConfigPath, parseNodeConfig } from '../../node/config.ts'
import { changedSettings } from './changed-settings.ts'

/** As a farm file has them unless told. */
const ports = { proxyPort: 8444, agentPort: 1801, agentCheckPort: 1802 }

/** Lets a balancer speak for its clients to the node of this home; the former file stays beside it. Throws ConfigError. */
export async function addLbHost(home: string, address: string): Promise<string[]> {
  const path = nodeConfigPath(home)
  const text = await readFile(path, 'utf8')
  const before = JSON.parse(text) as Record<string, unknown>
  const known = Array.isArray(before.balancers) ? (before.balancers as unknown[]) : []
  const after = { ...ports, ...before, balancers: known.includes(address) ? known : [...known, address] }
  parseNodeConfig(after, dirname(path))
  const changes = changedSettings(before, after)
  if (changes.length === 0) return []
  const { mode, uid, gid } = await stat(path)
  for (const [to, content] of [
    [`${path}.bak`, text],
    [path, `${JSON.stringify(after, null, 2)}\n`],
  ] as const) {
    await replaceFile(to, content, mode & 0o777)
    if (process.getuid?.() === 0) await chown(to, uid, gid)
  }
  return changes
}
