import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '../test/helpers/eventually.ts'
import { facts } from '../test/helpers/sample-stream.ts'
import { type BenchNode, startBenchNode } from './bench-node.ts'
import { emptyStore, withDiskFolder } from './disk-folder.ts'
import { flood } from './flood.ts'
import { LoadAgent, type LoadWay } from './load-agent.ts'
import { type Body, floodBody, makeLoadStream, slowBody } from './load-streams.ts'
import type { Figure } from './main.ts'
import { median, percentile } from './median.ts'
import { peakRssMb } from './program-cost.ts'
import { startServer } from './server-process.ts'

// What one node takes in: floods against a sink that does nothing else, and thousands of recordings that hardly move.
// Both servers are processes of their own and speak TLS; this one is all the agents.

const connections = 50
const streamBytes = 6 * 1024 * 1024
const rounds = 5
const slowConnections = 100
const slowChannels = 50
const slowMs = 30_000
/** Each recording sends a flush of some 200 bytes this often. */
const slowEveryMs = 1000

export async function run(): Promise<Figure[]> {
  return withDiskFolder(async (dir) => [...(await floods(dir)), ...(await slow(dir))])
}

async function floods(dir: string): Promise<Figure[]> {
  const body = await floodBody()
  const node = await startBenchNode(join(dir, 'flood'), connections)
  const sinkDir = join(dir, 'sink')
  await mkdir(sinkDir)
  const sink = await startServer([
    join(import.meta.dirname, 'bare-sink.ts'),
    sinkDir,
    node.tls.key,
    node.tls.cert,
  ])
  const rates = { node: [] as number[], sink: [] as number[], unmasked: [] as number[] }
  try {
    // The first round compiles.
    for (let round = 0; round <= rounds; round++) {
      const ofNode = await mbPerSecond(node, node.server.port, body)
      await emptyStore(node.store)
      const ofSink = await mbPerSecond(node, sink.port, body, { masked: true })
      await emptyStore(sinkDir)
      const ofUnmasked = await mbPerSecond(node, sink.port, body)
      await emptyStore(sinkDir)
      if (round === 0) continue
      rates.node.push(ofNode)
      rates.sink.push(ofSink)
      rates.unmasked.push(ofUnmasked)
    }
  } finally {
    await sink.stop()
    await node.server.stop()
  }
  const share = (of: number[]) => median(rates.node.map((rate, i) => rate / of[i]!))
  const size = `${connections} connections, ${Math.round((connections * streamBytes) / 1e6)} MB a round`
  return [
    { key: 'mb_per_s', value: median(rates.node), about: `synced and acknowledged; ${size}, TLS` },
    {
      key: 'vs_bare_sink',
      value: share(rates.sink),
      bar: { atLeast: 0.7 },
      about: `of ws as it comes and a file each, written and synced: ${median(rates.sink).toFixed(0)} MB/s`,
    },
    {
      key: 'vs_unmasked_sink',
      value: share(rates.unmasked),
      about: `of the same, fed without masks as the node is: ${median(rates.unmasked).toFixed(0)} MB/s`,
    },
  ]
}

async function mbPerSecond(
  { ca, identities }: BenchNode,
  port: number,
  body: Body,
  options: LoadWay = {},
): Promise<number> {
  const { bytes, seconds } = await flood({
    ...{ port, ca, identities, body, bytesEach: streamBytes },
    way: () => options,
  })
  return bytes / 1e6 / seconds
}

async function slow(dir: string): Promise<Figure[]> {
  const count = slowConnections * slowChannels
  const body = await slowBody(2 + slowMs / slowEveryMs)
  const node = await startBenchNode(join(dir, 'slow'), slowConnections)
  try {
    const agents = await Promise.all(
      node.identities.map((identity) => LoadAgent.connect(node.server.port, node.ca, identity)),
    )
    const recordings = agents.flatMap((agent, a) =>
      Array.from({ length: slowChannels }, (_, channel) => {
        const { ends, ...stream } = makeLoadStream(node.identities[a]!, facts, body, 1)
        // What is on its way: where a flush ends and when it was sent.
        return { agent, channel, stream, ends, next: 0, sent: [] as { offset: number; ms: number }[] }
      }),
    )
    const waits: number[] = []
    const since = performance.now()
    await Promise.all(
      recordings.map(({ agent, channel, stream, sent }) =>
        agent.open(channel, stream, (offset) => {
          while (sent[0] && sent[0].offset <= offset) waits.push(performance.now() - sent.shift()!.ms)
        }),
      ),
    )
    const openedMs = performance.now() - since
    const send = (recording: (typeof recordings)[number]) => {
      const offset = recording.ends[recording.next++]!
      recording.sent.push({ offset, ms: performance.now() })
      recording.agent.provide(recording.channel, offset)
    }
    // All at once; from then on each in its turn.
    for (const recording of recordings) send(recording)
    await eventually(
      () => {
        if (waits.length < count) throw new Error(`${waits.length} of ${count} beginnings were acknowledged.`)
      },
      { timeoutMs: 60_000 },
    )
    const begunMs = Math.max(...waits)
    waits.length = 0
    const start = performance.now()
    for (let sent = 0; performance.now() - start < slowMs; await sleep(5)) {
      const due = Math.min(
        Math.floor(((performance.now() - start) / slowEveryMs) * count),
        (slowMs / slowEveryMs) * count,
      )
      for (; sent < due; sent++) send(recordings[sent % count]!)
    }
    // What is not acknowledged in the end has waited at least until now.
    for (const { sent } of recordings) for (const { ms } of sent) waits.push(performance.now() - ms)
    const rssMb = await peakRssMb(node.server.pid)
    await Promise.all(agents.map((agent) => agent.close()))
    return [
      {
        key: 'slow_ack_p99_ms',
        value: percentile(waits, 0.99),
        bar: { atMost: 1500 },
        about: `${count} recordings on ${slowConnections} connections, ${waits.length} flushes; p50 ${median(waits).toFixed(0)} ms; opened in ${(openedMs / 1000).toFixed(1)} s, all begun at once in ${(begunMs / 1000).toFixed(1)}`,
      },
      { key: 'slow_rss_mb', value: rssMb, bar: { atMost: 1000 }, about: 'the node at its largest, the same' },
    ]
  } finally {
    await node.server.stop()
  }
}
