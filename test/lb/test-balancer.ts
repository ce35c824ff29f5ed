import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { applyFarm } from '../../lb/apply.ts'
import { askSocket } from '../../lb/command-socket.ts'
import type { Farm } from '../../lb/farm.ts'
import { readInstalled } from '../../lb/installed.ts'
import { type BalancerStatus, readStatus } from '../../lb/runtime.ts'
import { eventually } from '../helpers/eventually.ts'

/** A real HAProxy, as its unit starts it: master and worker, in the foreground. */
export interface TestBalancer {
  name: string
  address: string
  config: string
  masterSocket: string
  farm: Farm
  pid: number
  log(): string
  status(): Promise<BalancerStatus>
  /** What its table says of a source address: the node it belongs to. */
  nodeOf(source: string): Promise<string | undefined>
  kill(): Promise<void>
}

export async function startBalancer(
  t: ExecutionContext,
  folder: string,
  farm: Farm,
  name: string,
): Promise<TestBalancer> {
  const balancer = farm.balancers.find((each) => each.name === name)!
  const config = join(folder, `${name}.cfg`)
  const masterSocket = join(folder, `${name}.master`)
  await applyFarm({ farm, balancer, config })
  const child = spawn('haproxy', ['-W', '-S', masterSocket, '-f', config])
  let log = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      log += chunk
    })
  const kill = () => stop(child)
  t.teardown(kill)
  const status = async () => readStatus(await readInstalled(config))
  const test: TestBalancer = {
    name,
    address: balancer.address,
    config,
    masterSocket,
    farm,
    pid: child.pid!,
    log: () => log,
    status,
    async nodeOf(source) {
      const key = source.includes(':') ? source : `::ffff:${source}`
      const table = await askSocket(farm.runtimeSocket, 'show table nodes')
      const line = table.split('\n').find((each) => each.includes(`key=${key} `))
      return line === undefined ? undefined : (/server_key=(\S+)/.exec(line)?.[1] ?? 'none')
    },
    kill,
  }
  await eventually(async () => {
    if (child.exitCode !== null) throw new Error(`HAProxy ended with ${child.exitCode}: ${log}`)
    const { nodes } = await status()
    // Before its first look a node counts as up; after it, it says so.
    const looked = farm.times.checkS > 10 ? /^(INI|L7OK 200)$/ : /^L7OK 200$/
    if (!nodes.every(({ state, check }) => state === 'up' && looked.test(check)))
      throw new Error(`Not all nodes are up: ${JSON.stringify(nodes)} ${log}`)
  })
  return test
}

/** Master and workers, at once. */
async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await ended
}
