import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { places } from './install/places.ts'

/**
 * Where everything of one installation lies. `--home` wins over TAPEDECK_HOME; the default is the user's own, or for root
 * the installed node's.
 */
export function homePaths(given: string | undefined) {
  const own = join(homedir(), '.tapedeck')
  const installed = process.getuid?.() === 0 && !existsSync(own) && existsSync(places.nodeHome)
  const root = resolve(given ?? process.env.TAPEDECK_HOME ?? (installed ? places.nodeHome : own))
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

/** For what asks an agent: the host's own, where none is named and the default home has none. */
export function agentHomePaths(given: string | undefined): Home {
  const [own, ofHost] = [homePaths(given), homePaths(places.agentHome)]
  const named = given !== undefined || process.env.TAPEDECK_HOME !== undefined
  const hasAgent = (home: Home) => existsSync(join(home.agent, 'agent.json'))
  return !named && !hasAgent(own) && hasAgent(ofHost) ? ofHost : own
}
