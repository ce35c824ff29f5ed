import { setTimeout as sleep } from 'node:timers/promises'
import { readInstalled } from '../lb/installed.ts'
import { drainNode, type NodeStatus, readStatus, readyNode } from '../lb/runtime.ts'
import { CommandError } from './command-error.ts'
import { print, told } from './lb-output.ts'
import { duration, table } from './print.ts'

// The verbs on the HAProxy that runs here.

const lookMs = 500

interface RunningOptions {
  config: string
  json?: boolean
}

export async function status(options: RunningOptions): Promise<void> {
  await told(async () => {
    const found = await readStatus(await readInstalled(options.config))
    const { nodes, peers, version, uptimeS, connections, sources } = found
    const rows = nodes.map((node) => [
      ...[node.node, node.backend, node.state, `${node.weight} %`, String(node.connections), node.check],
      duration(node.sinceS * 1000),
    ])
    const text = [
      `HAProxy ${version}, up ${duration(uptimeS * 1000)}, ${connections} connections, ${sources} sources with a node`,
      ...peers.map(({ name, connected }) => `balancer ${name} ${connected ? 'is connected' : 'IS AWAY'}`),
      '',
      table(['NODE', 'BY', 'STATE', 'WEIGHT', 'CONNECTIONS', 'CHECK', 'SINCE'], rows).trimEnd(),
    ]
    print(options, found, `${text.join('\n')}\n`)
  })
}

export async function drain(node: string, options: RunningOptions): Promise<void> {
  await told(async () => {
    const installed = await readInstalled(options.config)
    await drainNode(installed, node)
    const { nodes } = await readStatus(installed)
    const open = nodes.filter((row) => row.node === node).reduce((sum, row) => sum + row.connections, 0)
    const text = `Nobody new goes to ${node}; ${open} connections are open there. It stays so until 'tapedeck lb ready ${node}' or a restart of HAProxy. Do the same on the other balancer.\n`
    print(options, { node, connections: open }, text)
  })
}

export async function ready(node: string, options: RunningOptions): Promise<void> {
  await told(async () => {
    await readyNode(await readInstalled(options.config), node)
    print(options, { node }, `${node} takes connections again, slowly at first.\n`)
  })
}

/** Drained counts as up: it answers, and who drained it says when it is ready. */
export async function wait(node: string, options: RunningOptions & { seconds: number }): Promise<void> {
  await told(async () => {
    const installed = await readInstalled(options.config)
    if (!installed.servers.has(node))
      throw new CommandError('lb-node', `There is no node ${node} behind this balancer.`)
    const until = performance.now() + options.seconds * 1000
    while (true) {
      // One look may be refused: HAProxy is being reloaded, or starts.
      let rows: NodeStatus[] = []
      let said = 'HAProxy does not speak of it'
      try {
        rows = (await readStatus(installed)).nodes.filter((row) => row.node === node)
        if (rows.length > 0) said = rows.map(({ check }) => check).join(', ')
      } catch (error) {
        said = (error as Error).message
      }
      if (
        rows.length > 0 &&
        rows.every(({ state, check }) => /^(up|draining)$/.test(state) && !check.startsWith('INI'))
      )
        return print(options, { node }, `${node} is up.\n`)
      if (performance.now() > until)
        throw new CommandError(
          'lb-node',
          `${node} is not up after ${options.seconds} s: ${said}.`,
          "'tapedeck lb check' looks at it as HAProxy does.",
        )
      await sleep(lookMs)
    }
  })
}
