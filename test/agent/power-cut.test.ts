import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { Spool } from '../../agent/queue/spool.ts'
import { Backoff } from '../../agent/uplink/backoff.ts'
import { eventually } from '../helpers/eventually.ts'
import { type Line, openLine } from '../helpers/line.ts'
import { PowerDisk } from '../helpers/power-cut.ts'
import { type Identities, makeIdentities } from '../helpers/sample-stream.ts'
import { startTestNode, type TestNode } from '../node/ingest/test-node.ts'
import { aliveRecorder, fastFolder, noise, read, recorderOf, spoolSession } from './agent-parts.ts'
import { openUplink, portOf, stored } from './uplink/uplink-parts.ts'
import { WrittenLogs } from './written-logs.ts'

// Hosts and nodes that lose their power at any moment, with what their disks had not synced.

const identities = makeIdentities()

/** Numbers that a seed gives again. */
function chanceOf(seed: number): () => number {
  let state = (seed + 1) * 2_654_435_761
  return () => {
    state = Math.imul(state ^ (state >>> 15), state | 1)
    state ^= state + Math.imul(state ^ (state >>> 7), state | 61)
    return ((state ^ (state >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** An agent's parts on a queue: it records what is announced, and sends. */
async function startParts(t: ExecutionContext, home: string, run: string, line: Line, who: Identities) {
  const { spool } = await Spool.open(join(home, 'spool'))
  const recorders = spool.streams
    .filter(({ record }) => record.endSize === undefined)
    .map((spooled) => recorderOf(spooled, run, who))
  const { uplink, log } = openUplink(t, spool, line.url, who, { backoff: new Backoff(1, 20) })
  const running = recorders.map((recorder) => recorder.run().then(() => uplink.notify(recorder.spooled)))
  return {
    spool,
    log,
    recorders,
    async close() {
      for (const recorder of recorders) await recorder.close()
      await Promise.all(running)
      await uplink.close()
      await spool.close()
    },
  }
}

async function restartNode(t: ExecutionContext, home: string, before: TestNode): Promise<TestNode> {
  const { register } = before
  return startTestNode(t, { home, identities, register, limits: { staleShareMs: 50 } })
}

for (const logs of ['gone', 'on a disk'] as const)
  test(`a host and nodes that lose power at any moment; the recorder’s logs are ${logs}`, async (t) => {
    for (let seed = 0; seed < 12; seed++) await oneLife(t, seed, logs === 'gone')
  })

async function oneLife(t: ExecutionContext, seed: number, logsGone: boolean): Promise<void> {
  const chance = chanceOf(seed)
  const root = await fastFolder(t)
  const homes = ['host', 'store'].map((name) => join(root, name)) as [string, string]
  for (const home of homes) mkdirSync(home)
  mkdirSync(join(homes[0], 'spool'))
  const run = join(root, 'run')
  const session = new WrittenLogs(join(run, 's'))
  session.announce(aliveRecorder())

  let storeHome = homes[1]
  let node = await startTestNode(t, { home: storeHome, identities })
  let storeDisk = await PowerDisk.watch(storeHome)
  const hostDisk = await PowerDisk.watch(homes[0])
  const line = await openLine(t, portOf(node))
  line.pieceBytes = 3000
  const first = await Spool.open(join(homes[0], 'spool'))
  const { recording } = await spoolSession(first.spool, run, 's')
  await first.spool.close()
  const agent = await startParts(t, homes[0], run, line, identities)
  agent.recorders[0]!.setWatched(true)

  const cutNode = async (round: number) => {
    line.target = undefined
    line.cut()
    const next = join(root, `store-${round}`)
    storeDisk.cut(next, chance)
    const before = node
    storeHome = next
    storeDisk = await PowerDisk.watch(next)
    node = await restartNode(t, next, before)
    line.target = portOf(node)
    await before.ingest.close()
  }
  const steps = 3 + Math.floor(chance() * 12)
  for (let step = 0; step < steps; step++) {
    const size = chance() < 0.2 ? 300_000 : 1 + Math.floor(chance() * 3000)
    session.happen(chance() < 0.1 ? { resize: [80 + step, 24] } : { output: noise(size, step + 1) })
    // Not a wait for something: where the cut falls.
    await sleep(chance() * 40)
    if (chance() < 0.15) await cutNode(step)
  }

  // The host goes down: its disk as of this moment, and memory is gone.
  line.target = undefined
  line.cut()
  const home = join(root, 'host-after')
  hostDisk.cut(home, chance)
  const acked = agent.spool.streams[0]!.receiptOffset
  const promised = await promisedBytes(storeDisk, join(root, 'store-then'), recording, acked)
  t.is(promised.length, acked)
  await agent.close()
  if (logsGone) rmSync(run, { recursive: true })
  else
    for (const name of ['out', 'timing']) {
      // Never synced: a part of them, zeros perhaps behind it.
      const bytes = readFileSync(join(session.dir, name))
      const kept = Math.floor(chance() * (bytes.length + 1))
      const zeros = Math.floor(chance() * (bytes.length - kept + 1))
      mkdirSync(session.dir, { recursive: true })
      writeFileSync(join(session.dir, name), Buffer.concat([bytes.subarray(0, kept), Buffer.alloc(zeros)]))
    }
  atAnotherBoot(home)
  if (chance() < 0.5) await cutNode(100)
  line.target = portOf(node)
  const next = await startParts(t, home, run, line, identities)
  const what = `seed ${seed}`
  await eventually(
    () =>
      assert.deepEqual(
        next.spool.streams.map(({ durable }) => durable),
        [],
        what,
      ),
    { timeoutMs: 30_000 },
  )
  t.deepEqual(
    next.log.said.filter(({ level }) => level === 'error'),
    [],
    what,
  )
  const bytes = await stored(node, recording)
  const { report, output } = await read(bytes, identities)
  t.deepEqual(report.problems, [], what)
  t.deepEqual(new Set(report.gaps.map(({ reason }) => reason)), new Set(['crash']), what)
  t.is(report.end?.reason, 'lost', what)
  t.is(report.unproven, undefined, what)
  t.is(Buffer.compare(output, session.bytes.subarray(0, output.length)), 0, what)
  // What the farm had acknowledged is there, and the same.
  t.is(Buffer.compare(promised, bytes.subarray(0, promised.length)), 0, what)
  await next.close()
  await node.ingest.close()
}

// What the store would have of what it has acknowledged if it lost power too.
async function promisedBytes(
  disk: PowerDisk,
  to: string,
  recording: string,
  acked: number,
): Promise<Uint8Array> {
  disk.cut(to, () => 0.1)
  if (acked === 0) return new Uint8Array(0)
  return (await stored({ folders: [join(to, 'store-0')] } as TestNode, recording)).subarray(0, acked)
}

function atAnotherBoot(home: string): void {
  const { spool } = { spool: join(home, 'spool') }
  for (const name of readdirOf(spool)) {
    const path = join(spool, name, 'cast', 'session.json')
    const record = JSON.parse(readFileSync(path, 'utf8'))
    record.session.boot = 'the boot before'
    writeFileSync(path, JSON.stringify(record))
  }
}

function readdirOf(path: string): string[] {
  return readdirSync(path).filter((name) => !name.includes('.'))
}
