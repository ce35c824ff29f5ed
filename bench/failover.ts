import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { recordingPath } from '../format/recording-id.ts'
import { type Farm, startFarm } from '../test/farm/farm.ts'
import type { FarmHost } from '../test/farm/farm-host.ts'
import { lostBytes, startFarmSession } from '../test/farm/farm-session.ts'
import { eventually } from '../test/helpers/eventually.ts'
import type { BenchOptions, Figure } from './main.ts'
import { median, percentile } from './median.ts'

// How long a busy recording stands still when what it goes through dies, on a farm of real programs with their default
// times: from the kill until the store has a byte that the host did not have at the kill.

const rounds = 10
const quickRounds = 2
const sessionSeconds = 12
/** Some 100 kB a second: the agent always has something to send. */
const slower = 4
const warmMs = 3000

interface Killed {
  restore(): Promise<void>
}

export async function run({ quick }: BenchOptions): Promise<Figure[]> {
  const farm = await startFarm({ hosts: 2, workers: 1 })
  const count = quick ? quickRounds : rounds
  const waits = { node: [] as number[], process: [] as number[], machine: [] as number[] }
  let lost = 0
  let printed = 0
  let number = 100
  const round = async (kill: (farm: Farm, host: FarmHost) => Promise<Killed>) => {
    const host = farm.hosts[number % farm.hosts.length]!
    const session = startFarmSession({
      folder: farm.memory,
      seed: number++,
      seconds: sessionSeconds,
      slower,
      record: host.recordCommand,
    })
    try {
      const waitedMs = await waitAfter(farm, host, kill)
      const ended = await lostBytes(farm, session)
      lost += ended.lost
      printed += ended.printed
      await farm.settled()
      return waitedMs
    } finally {
      session.kill()
    }
  }
  try {
    for (let i = 0; i < count; i++) {
      waits.node.push(await round(killNode))
      waits.process.push(await round(killHaproxy))
      waits.machine.push(await round(cutBalancer))
    }
  } finally {
    await farm.close()
  }
  const lb = [...waits.process, ...waits.machine]
  const about = (of: number[]) => `${of.length} times, median ${median(of).toFixed(0)} ms`
  return [
    {
      key: 'node_p95_ms',
      value: percentile(waits.node, 0.95),
      bar: { atMost: 3000 },
      about: `node killed with its mount → a new byte by another node; ${about(waits.node)}`,
    },
    {
      key: 'lb_p95_ms',
      value: percentile(lb, 0.95),
      bar: { atMost: 3000 },
      about: `the balancer with the address lost; its HAProxy killed: ${about(waits.process)}; its machine cut off: ${about(waits.machine)}`,
    },
    {
      key: 'bytes_lost',
      value: lost,
      bar: { atMost: 0 },
      about: `of ${(printed / 1e6).toFixed(0)} MB that ${number - 100} sessions printed meanwhile`,
    },
  ]
}

/** Milliseconds from the kill to the first byte in the store that came to be behind it. */
async function waitAfter(
  farm: Farm,
  host: FarmHost,
  kill: (farm: Farm, host: FarmHost) => Promise<Killed>,
): Promise<number> {
  const recording = await eventually(async () => {
    const [session] = (await host.status()).sessions
    if (!session) throw new Error(`${host.name} records nothing.`)
    return session.recording
  })
  const file = join(farm.home.store, `${recordingPath(recording)}.cast.zst`)
  await eventually(() => stat(file))
  // Kills come at any moment between two flushes.
  await sleep(warmMs * (0.5 + Math.random()))
  const since = performance.now()
  const { restore } = await kill(farm, host)
  const [session] = (await host.status()).sessions
  await eventually(
    async () => {
      const { size } = await stat(file)
      if (size <= session!.bytes) throw new Error(`${size} of more than ${session!.bytes} bytes are stored.`)
    },
    { everyMs: 2 },
  )
  const waitedMs = performance.now() - since
  await restore()
  return waitedMs
}

/** As a machine that loses its power: nothing of what it had in its hands gets into the share. */
async function killNode(farm: Farm, host: FarmHost): Promise<Killed> {
  const { connection } = await host.status()
  const node = farm.nodes.find(({ name }) => name === connection.node)
  if (!node) throw new Error(`${host.name} is connected to ${connection.node}.`)
  const programs = [node.mount!, node.program]
  await Promise.all(programs.map((program) => program.kill({ stays: true })))
  return { restore: async () => programs.forEach((program) => void program.start()) }
}

async function killHaproxy(farm: Farm): Promise<Killed> {
  const { haproxy } = await withAddress(farm)
  await haproxy.kill({ stays: true })
  return { restore: async () => haproxy.start() }
}

/** Nobody says goodbye for it. */
async function cutBalancer(farm: Farm): Promise<Killed> {
  const { machine } = await withAddress(farm)
  await machine.cut()
  return { restore: () => machine.join() }
}

function withAddress(farm: Farm) {
  return eventually(async () => {
    for (const balancer of farm.balancers) if (await balancer.hasAddress()) return balancer
    throw new Error('No balancer has the floating address.')
  })
}
