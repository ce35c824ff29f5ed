import { readFile, rm } from 'node:fs/promises'
import { request } from 'node:https'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { generateKeyPem } from '../codec/ed25519.ts'
import { eventually } from '../test/helpers/eventually.ts'
import { facts, makeIdentities } from '../test/helpers/sample-stream.ts'
import { type BenchNode, startBenchNode } from './bench-node.ts'
import { withDiskFolder } from './disk-folder.ts'
import { LoadAgent } from './load-agent.ts'
import { makeLoadStream, slowBody } from './load-streams.ts'
import { writeLongRecording } from './long-recording.ts'
import type { BenchOptions, Figure } from './main.ts'
import { median, percentile } from './median.ts'
import { cpuSeconds } from './program-cost.ts'

// What the derived index costs: how fast a recording's terminal is drawn for it, and what agents notice of that.

/** A window is short beside what else goes on at the disk, and has thousands of acks; indexing outlasts it. */
const full = { bytes: 192 * 1024 * 1024, rounds: 10, phaseMs: 6_000 }
const quick = { bytes: 24 * 1024 * 1024, rounds: 2, phaseMs: 1_000 }
const lengthUs = 8 * 3600 * 1e6
const seed = 20260302
const connections = 50
const channels = 10
/** Each recording sends a flush of some 200 bytes this often. */
const flushEveryMs = 1000

export async function run({ quick: isQuick }: BenchOptions): Promise<Figure[]> {
  const size = isQuick ? quick : full
  return withDiskFolder(async (dir) => {
    const node = await startBenchNode(dir, connections)
    try {
      const api = await openApi(dir, node)
      const recordings: Provided[] = []
      for (let i = 0; i <= size.rounds; i++) recordings.push(await provide(dir, api, seed + i, size.bytes))
      const [first, ...others] = recordings
      return [...(await speed(node, api, first!)), ...(await noticed(node, api, others, size.phaseMs))]
    } finally {
      await node.server.stop()
    }
  })
}

type Api = (method: string, path: string, body?: Uint8Array) => Promise<{ id: string; state: string }>

async function openApi(dir: string, { server, ca }: BenchNode): Promise<Api> {
  const token = (await readFile(join(dir, 'client.token'), 'utf8')).trim()
  return (method, path, body) =>
    new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}`, ...(body && { 'content-length': body.length }) }
      const options = { port: server.port, path, method, ca, headers }
      const asked = request(options, async (response) => {
        const text = (await response.setEncoding('utf8').toArray()).join('')
        if ((response.statusCode ?? 0) >= 300) reject(new Error(`${path}: ${response.statusCode} ${text}`))
        else resolve(JSON.parse(text))
      })
      asked.on('error', reject)
      asked.end(body)
    })
}

interface Provided {
  id: string
  outputMb: number
}

async function provide(dir: string, api: Api, seed: number, bytes: number): Promise<Provided> {
  const file = join(dir, 'long.cast.zst')
  const identities = makeIdentities(await readFile(join(dir, 'farm', 'farm.key'), 'utf8'), generateKeyPem())
  const written = await writeLongRecording(file, identities, { seed, bytes, lengthUs, facts })
  await api('POST', '/api/recordings', await readFile(file))
  await rm(file)
  return { id: written.id, outputMb: written.outputBytes / 1e6 }
}

/** Begins by asking for it, which has one made where there is none. `quietMs` = how long it is not asked again. */
async function made(api: Api, id: string, quietMs = 0): Promise<void> {
  await api('GET', `/api/recordings/${id}/index`)
  await sleep(quietMs)
  await eventually(
    async () => {
      const { state } = await api('GET', `/api/recordings/${id}/index`)
      if (state !== 'ready') throw new Error(`The index is not ready: ${state}`)
    },
    { timeoutMs: 300_000, everyMs: 250 },
  )
}

async function speed({ server }: BenchNode, api: Api, { id, outputMb }: Provided): Promise<Figure[]> {
  const cpu: number[] = []
  const walls: number[] = []
  for (let round = 0; round < 3; round++) {
    const [cpuBefore, since] = [await cpuSeconds(server.pid), performance.now()]
    await api('POST', `/api/recordings/${id}/index`)
    await made(api, id)
    cpu.push((await cpuSeconds(server.pid)) - cpuBefore)
    walls.push((performance.now() - since) / 1000)
  }
  return [
    {
      key: 'mb_per_s',
      value: outputMb / median(cpu),
      bar: { atLeast: 20 },
      about: `output a second of CPU, all threads of the node's counted; ${outputMb.toFixed(0)} MB, median of ${cpu.length}`,
    },
    {
      key: 'wall_mb_per_s',
      value: outputMb / median(walls),
      about: 'the same by the clock, as busy as it was',
    },
  ]
}

/**
 * Flushes of many recordings are acknowledged while an index is made, and while none is, window by window, each pair the other
 * way round than the one before: what becomes slower meanwhile is in both. One stall is in one window, and the median leaves
 * it out.
 */
async function noticed(
  node: BenchNode,
  api: Api,
  recordings: Provided[],
  phaseMs: number,
): Promise<Figure[]> {
  const windows = 2 * recordings.length + 1
  const senders = await openSenders(
    node,
    await slowBody(Math.ceil((windows * (phaseMs + 1000)) / flushEveryMs) + 2),
  )
  const p99 = { still: [] as number[], indexing: [] as number[] }
  const p50 = { still: [] as number[], indexing: [] as number[] }
  let acks = 0
  const kinds = ['still', 'indexing'] as const
  // Connections and files are new in the first one.
  await senders.send(phaseMs)
  for (const [i, { id }] of recordings.entries())
    for (const kind of i % 2 === 0 ? kinds : kinds.toReversed()) {
      // It is awaited, or its rest would go into the next window.
      const built = kind === 'indexing' ? made(api, id, phaseMs) : undefined
      built?.catch(() => undefined)
      const waits = await senders.send(phaseMs)
      if (built && (await api('GET', `/api/recordings/${id}/index`)).state === 'ready')
        throw new Error('The index was made before the window was over: more output is needed.')
      await built
      p99[kind].push(percentile(waits, 0.99))
      p50[kind].push(median(waits))
      acks += waits.length
    }
  await senders.close()
  const [still, indexing] = [median(p99.still), median(p99.indexing)]
  const spread = (values: number[]) =>
    `${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)}`
  const each = `median of ${recordings.length} windows of ${phaseMs / 1000} s`
  return [
    {
      key: 'ack_p99_ratio',
      value: indexing / still,
      bar: { atMost: 1.2 },
      about: `${acks} acks of ${connections * channels} recordings, a flush a second each, while indexing against without`,
    },
    {
      key: 'ack_p99_still_ms',
      value: still,
      about: `${each}, ${spread(p99.still)}; p50 ${median(p50.still).toFixed(1)}`,
    },
    {
      key: 'ack_p99_indexing_ms',
      value: indexing,
      about: `${each}, ${spread(p99.indexing)}; p50 ${median(p50.indexing).toFixed(1)}`,
    },
  ]
}

async function openSenders(node: BenchNode, body: Awaited<ReturnType<typeof slowBody>>) {
  const agents = await Promise.all(
    node.identities.map((identity) => LoadAgent.connect(node.server.port, node.ca, identity)),
  )
  const waits: number[] = []
  const recordings = agents.flatMap((agent, a) =>
    Array.from({ length: channels }, (_, channel) => {
      const { ends, ...stream } = makeLoadStream(node.identities[a]!, facts, body, 1)
      return { agent, channel, stream, ends, next: 0, sent: [] as { offset: number; ms: number }[] }
    }),
  )
  await Promise.all(
    recordings.map(({ agent, channel, stream, sent }) =>
      agent.open(channel, stream, (offset) => {
        while (sent[0] && sent[0].offset <= offset) waits.push(performance.now() - sent.shift()!.ms)
      }),
    ),
  )
  const send = (recording: (typeof recordings)[number]) => {
    const offset = recording.ends[recording.next++]!
    recording.sent.push({ offset, ms: performance.now() })
    recording.agent.provide(recording.channel, offset)
  }
  return {
    /** How long each flush waited, ms. */
    async send(phaseMs: number): Promise<number[]> {
      waits.length = 0
      const start = performance.now()
      for (let count = 0; performance.now() - start < phaseMs; await sleep(2)) {
        const due = Math.floor(((performance.now() - start) / flushEveryMs) * recordings.length)
        for (; count < due; count++) send(recordings[count % recordings.length]!)
      }
      await eventually(() => {
        if (recordings.some(({ sent }) => sent.length > 0)) throw new Error('A flush was not acknowledged.')
      })
      return [...waits]
    },
    async close() {
      await Promise.all(agents.map((agent) => agent.close()))
    },
  }
}
