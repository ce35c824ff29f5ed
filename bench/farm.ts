import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Farm, startFarm } from '../test/farm/farm.ts'
import { runProgram } from '../test/farm/program.ts'
import { eventually } from '../test/helpers/eventually.ts'
import { emptyStore } from './disk-folder.ts'
import { flood } from './flood.ts'
import type { LoadIdentity, LoadWay } from './load-agent.ts'
import { enrolLoadAgents } from './load-identities.ts'
import { type Body, floodBody } from './load-streams.ts'
import type { BenchOptions, Figure } from './main.ts'
import { median } from './median.ts'
import { cpuSeconds } from './program-cost.ts'
import { startServer } from './server-process.ts'
import { sudoFigure } from './sudo-sessions.ts'

// What a farm takes in through its balancer with 3, 2 and 1 nodes, PostgreSQL and Redis, on one folder of this machine's
// disk: all of it and its agents on the same processors, so that more nodes show what they cost, not what they give on
// machines of their own. Beside one node a sink that does nothing else, through an HAProxy of the same kind.

const nodesMax = 3
const agents = 30
/** Addresses that they come from: HAProxy keeps each on one node. */
const sources = 10
const bytesEach = 6 * 1024 * 1024
const rounds = 5
/** Until V8 has compiled what the nodes do. */
const warmRounds = 3
const sinkPort = 9443

interface Round {
  mbPerS: number
  /** Of nodes and balancers. */
  cpuSPerGb: number
  /** How many agents each node had. */
  spread: string
}

export async function run({ quick }: BenchOptions): Promise<Figure[]> {
  const count = quick ? 1 : rounds
  const figures = await throughBalancers(count)
  return [...figures, await sudoFigure(count)]
}

async function throughBalancers(count: number): Promise<Figure[]> {
  const farm = await startFarm({ hosts: 0, workers: 1, share: 'local', nodes: nodesMax })
  try {
    const farmKey = await readFile(String(farm.home.settings.farmKey), 'utf8')
    const identities = await enrolLoadAgents(String(farm.home.settings.catalog), farmKey, agents)
    const load = { farm, identities, body: await floodBody() }
    const measured = new Map<number, Round[]>()
    const sinkRates = { masked: [] as number[], unmasked: [] as number[] }
    for (let nodes = nodesMax; nodes > 0; nodes--) {
      await onlyNodes(farm, nodes)
      const from = await farm.sources((nodesMax - nodes) * sources, sources)
      const sink = nodes === 1 ? await startSink(farm) : undefined
      const found: Round[] = []
      for (let i = -warmRounds; i < count; i++) {
        const round = await throughFarm(load, from)
        const masked = await sink?.round(load, from, true)
        const unmasked = await sink?.round(load, from, false)
        if (i < 0) continue
        found.push(round)
        if (masked !== undefined) sinkRates.masked.push(masked)
        if (unmasked !== undefined) sinkRates.unmasked.push(unmasked)
      }
      await sink?.stop()
      measured.set(nodes, found)
    }
    const costOf = (nodes: number) => median(measured.get(nodes)!.map(({ cpuSPerGb }) => cpuSPerGb))
    const ratesOf = (nodes: number) => measured.get(nodes)!.map(({ mbPerS }) => mbPerS)
    const size = `${agents} agents, ${Math.round((agents * bytesEach) / 1e6)} MB a round`
    return [
      ...Array.from({ length: nodesMax }, (_, i) => ({
        key: `mb_per_s_${i + 1}`,
        value: median(ratesOf(i + 1)),
        about: `synced and acknowledged through HAProxy; agents on each node: ${measured.get(i + 1)!.at(-1)!.spread}; ${size}`,
      })),
      {
        key: 'cpu_s_per_gb',
        value: costOf(nodesMax),
        about: `processor time of ${nodesMax} nodes and the balancers; with one node ${costOf(1).toFixed(1)}`,
      },
      {
        key: 'vs_bare_sink',
        value: median(ratesOf(1).map((rate, i) => rate / sinkRates.masked[i]!)),
        bar: { atLeast: 0.7 },
        about: `one node beside ws as it comes, with masks, and a file each, written and synced, through HAProxy too: ${median(sinkRates.masked).toFixed(0)} MB/s`,
      },
      {
        key: 'vs_unmasked_sink',
        value: median(ratesOf(1).map((rate, i) => rate / sinkRates.unmasked[i]!)),
        about: `of the same, fed without masks as the node is: ${median(sinkRates.unmasked).toFixed(0)} MB/s`,
      },
    ]
  } finally {
    await farm.close()
  }
}

interface Load {
  farm: Farm
  identities: readonly LoadIdentity[]
  body: Body
}

/** The others are stopped, and the balancers know it. */
async function onlyNodes(farm: Farm, count: number): Promise<void> {
  await Promise.all(farm.nodes.slice(count).map(({ program }) => program.stop()))
  await eventually(async () => {
    for (const balancer of farm.balancers) {
      const { nodes } = await balancer.status()
      const up = nodes.filter(({ state }) => state === 'up').length
      if (up !== count) throw new Error(`${balancer.name} has ${up} nodes up, not ${count}.`)
    }
  })
}

async function throughFarm({ farm, identities, body }: Load, from: readonly string[]): Promise<Round> {
  const before = await cpuOf(farm)
  const way = (i: number): LoadWay => ({
    host: new URL(farm.url).hostname,
    from: from[i % from.length]!,
  })
  const { bytes, seconds, nodes } = await flood({
    ...{ port: 443, ca: farm.home.ca, identities, body, bytesEach, way },
  })
  const cpuSPerGb = ((await cpuOf(farm)) - before) / (bytes / 1e9)
  await emptyStore(farm.home.store)
  const counts = Map.groupBy(nodes, (node) => node)
  const spread = [...counts.values()].map(({ length }) => length).join(', ')
  return { mbPerS: bytes / 1e6 / seconds, cpuSPerGb, spread }
}

async function cpuOf({ nodes, balancers }: Farm): Promise<number> {
  const programs = [...nodes.map(({ program }) => program), ...balancers.map(({ haproxy }) => haproxy)]
  const pids = programs.flatMap((program) => (program.pid ? [program.pid, ...program.children()] : []))
  const seconds = await Promise.all(pids.map(cpuSeconds))
  return seconds.reduce((sum, each) => sum + each, 0)
}

/** On a node's machine, behind an HAProxy on a balancer's that passes TLS through as the farm's does. */
async function startSink(farm: Farm) {
  const [{ machine: at }, { machine: balancer, name }] = [farm.nodes[0]!, farm.balancers[0]!]
  const dir = join(farm.folder, 'sink')
  await mkdir(dir)
  const { tlsKey, tlsCert } = farm.home.settings
  const script = join(import.meta.dirname, 'bare-sink.ts')
  const server = await startServer([script, dir, String(tlsKey), String(tlsCert), at.address], at.within)
  const config = join(farm.folder, 'sink.cfg')
  await writeFile(
    config,
    `defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
listen sink
  bind ${balancer.address}:${sinkPort}
  server sink ${at.address}:${server.port}
`,
  )
  const haproxy = runProgram({
    name: `sink-${name}`,
    folder: farm.folder,
    command: [...balancer.within, 'haproxy', '-db', '-f', config],
  })
  haproxy.start()
  return {
    /** MB a second. */
    async round({ identities, body }: Load, from: readonly string[], masked: boolean): Promise<number> {
      const way = (i: number): LoadWay => ({
        ...{ host: balancer.address, name: 'rec.farm.test', masked },
        from: from[i % from.length]!,
      })
      const { bytes, seconds } = await flood({
        ...{ port: sinkPort, ca: farm.home.ca, identities, body, bytesEach, way },
      })
      await emptyStore(dir)
      return bytes / 1e6 / seconds
    },
    async stop() {
      await haproxy.stop()
      await server.stop()
    },
  }
}
