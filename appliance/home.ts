import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** Where `tapedeck install` puts a node. */
const installedHome = '/var/lib/tapedeck-node'

/**
 * Where everything of one installation lies. `--home` wins over TAPEDECK_HOME; the default is the user's own, or for root
 * the installed node's.
 */
export function homePaths(given: string | undefined) {
  const own = join(homedir(), '.tapedeck')
  const installed = process.getuid?.() === 0 && !existsSync(own) && existsSync(installedHome)
  const root = resolve(given ?? process.env.TAPEDECK_HOME ?? (installed ? installedHome : own))
  return {
    root,
    farmPublicKey: join(root, 'farm', 'farm.pub'),
    node: join(root, 'node'),
    agent: join(root, 'agent'),
    agentSocket: join(root, 'agent', 'agent.sock'),
    client: join(root, 'client.json'),
  }
}

export type Home = ReturnType<typeof homePaths>
