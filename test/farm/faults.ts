import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '../helpers/eventually.ts'
import { pick } from '../helpers/random.ts'
import type { Farm } from './farm.ts'
import type { FarmNode } from './farm-node.ts'

// What happens to farms. Each fault ends when the farm could be well again; that it is, is seen by who calls.

export type Fault = (farm: Farm, random: () => number) => Promise<void>

const kill = async (farm: Farm, choose: (farm: Farm) => { kill(): Promise<void> }[], random: () => number) =>
  pick(random, choose(farm)).kill()

export const faults: Record<string, Fault> = {
  'node killed': (farm, random) => kill(farm, ({ nodes }) => nodes.map(({ program }) => program), random),

  'worker killed': async ({ nodes }, random) => {
    const workers = nodes.flatMap(({ program }) => program.children())
    if (workers.length > 0) process.kill(pick(random, workers), 'SIGKILL')
  },

  'balancer killed': (farm) =>
    kill(
      farm,
      ({ balancers }) => balancers.map(({ haproxy }) => haproxy),
      // The one with the address, mostly the first.
      () => 0,
    ),

  'agent killed': (farm, random) => kill(farm, ({ hosts }) => hosts.map(({ program }) => program), random),

  'Redis killed': ({ redis }) => redis.kill(),

  'PostgreSQL killed, its standby takes over': async ({ database }) => {
    await database.failOver()
    await database.repair()
  },

  'share killed': async ({ share }) => share?.kill(),

  'share cut and back': async (farm, random) => {
    const machine = farm.machines.find(({ name }) => name === 'share')!
    await machine.cut()
    await sleep(1000 + random() * 2000)
    await machine.join()
  },

  'mount broken': async ({ nodes }, random) => pick(random, nodes).mount?.kill(),

  'node cut off, running on': async ({ nodes }, random) => {
    const { machine } = pick(random, nodes)
    await machine.cut()
    await sleep(2000 + random() * 4000)
    await machine.join()
  },

  'every program killed at once': async ({ programs }) => {
    await Promise.all(programs.map((program) => program.kill()))
  },

  'node drained, back': async (farm, random) => {
    const { name } = pick(random, farm.nodes)
    for (const verb of ['drain', 'ready']) {
      for (const { config } of farm.balancers) await balancerVerb(farm, verb, name, config)
      await sleep(500 + random() * 1000)
    }
  },

  'node restarted in order': async (farm, random) => restartInOrder(pick(random, farm.nodes)),

  'workers replaced': async ({ nodes }, random) => {
    const node = pick(random, nodes)
    const before = node.log().filter(({ code }) => code === 'restarted').length
    node.program.signal('SIGHUP')
    await eventually(() => {
      if (node.log().filter(({ code }) => code === 'restarted').length === before)
        throw new Error(`${node.name} has not replaced its workers.`)
    })
  },

  'balancers reloaded': async ({ balancers }, random) => {
    for (const balancer of balancers)
      await balancer.apply({ limits: { connectionsMax: 4000 + Math.floor(random() * 1000) } })
  },
}

async function balancerVerb(farm: Farm, verb: string, node: string, config: string): Promise<void> {
  const { status, stderr } = await farm.lb(verb, node, '--config', config)
  if (status !== 0) throw new Error(`lb ${verb} ${node} ended with ${status}: ${stderr}`)
}

/** As an upgrade does it: SIGTERM, the end, the start. */
async function restartInOrder({ program }: FarmNode): Promise<void> {
  await program.stop()
  program.start()
}
