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

/** Indexing outlasts a phase. */
const full = { bytes: 192 * 1024 * 1024, rounds: 10, windows: 6 }
const quick = { bytes: 24 * 1024 * 1024, rounds: 2, windows: 1 }
/** Each has 500 acks, and most have none of the stalls that a shared disk has every few seconds. */
const windowMs = 1000
/** A window whose p99 is so many times the usual one had such a stall. */
const stallShare = 5
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
      return [...(await speed(node, api, first!)), ...(await noticed(node, api, others, size.windows))]
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
 * Flushes of many recordings are acknowledged while an index is made, and while none is, in turn, each pair the other way round
 * than the one before: what becomes slower meanwhile is in both. Medians of short windows leave the disk's stalls out; how many
 * there were is a figure of its own, as indexing could make them.
 */
async function noticed(
  node: BenchNode,
  api: Api,
  recordings: Provided[],
  windows: number,
): Promise<Figure[]> {
  const phaseMs = windows * windowMs
  const sends = Math.ceil(((2 * recordings.length + 1) * windows * (windowMs + 1000)) / flushEveryMs) + 2
  const senders = await openSenders(node, await slowBody(sends))
  const waits = { still: [] as number[][], indexing: [] as number[][] }
  const kinds = ['still', 'indexing'] as const
  // Connections and files are new in the first one.
  await senders.send(windowMs)
  for (const [i, { id }] of recordings.entries())
    for (const kind of i % 2 === 0 ? kinds : kinds.toReversed()) {
      // It is awaited, or its rest would go into the next phase.
      const built = kind === 'indexing' ? made(api, id, phaseMs) : undefined
      built?.catch(() => undefined)
      for (let window = 0; window < windows; window++) waits[kind].push(await senders.send(windowMs))
      if (built && (await api('GET', `/api/recordings/${id}/index`)).state === 'ready')
        throw new Error('The index was made before the phase was over: more output is needed.')
      await built
    }
  await senders.close()
  const p99 = (kind: 'still' | 'indexing') => waits[kind].map((window) => percentile(window, 0.99))
  const [still, indexing] = [median(p99('still')), median(p99('indexing'))]
  const about = (kind: 'still' | 'indexing') => {
    const all = waits[kind].flat()
    return `median of ${waits[kind].length} windows of ${windowMs} ms; of all acks p50 ${median(all).toFixed(1)}, p99 ${percentile(all, 0.99).toFixed(1)}`
  }
  const stalled = (kind: 'still' | 'indexing') => ({
    key: `stalled_share_${kind}`,
    value: p99(kind).filter((ms) => ms > stallShare * still).length / waits[kind].length,
    about: `windows whose p99 is above ${stallShare} times the usual one`,
  })
  return [
    {
      key: 'ack_p99_ratio',
      value: indexing / still,
      bar: { atMost: 1.2 },
      about: `acks of ${connections * channels} recordings, a flush a second each, while indexing against without`,
    },
    { key: 'ack_p99_still_ms', value: still, about: about('still') },
    { key: 'ack_p99_indexing_ms', value: indexing, about: about('indexing') },
    stalled('still'),
    stalled('indexing'),
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
