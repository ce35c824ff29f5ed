import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** Where everything of one installation lies. `--home` wins over TAPEDECK_HOME; the default is the user's own. */
export function homePaths(given: string | undefined) {
  const root = resolve(given ?? process.env.TAPEDECK_HOME ?? join(homedir(), '.tapedeck'))
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
