import assert from 'node:assert/strict'
import { mkdtemp, readdir, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import type { Spool } from '../../../agent/queue/spool.ts'
import { streamKey } from '../../../agent/queue/spooled-stream.ts'
import { equalBytes } from '../../../format/bytes.ts'
import { eventually } from '../../helpers/eventually.ts'
import { openLine } from '../../helpers/line.ts'
import { makeIdentities, sampleId } from '../../helpers/sample-stream.ts'
import { temporaryFolder } from '../../helpers/test-node.ts'
import { startTestNode } from '../../node/ingest/test-node.ts'
import { queueFrames, read, streamBytes } from '../agent-parts.ts'
import { httpOf, openUplink, portOf, sentAll, stored, storedPath } from './uplink-parts.ts'

const connected = (uplink: { status: { state: string } }) =>
  eventually(() => {
    if (uplink.status.state !== 'connected') throw new Error(uplink.status.state)
  })

test('a queue of several recordings goes to the farm, byte for byte, and is empty then', async (t) => {
  const node = await startTestNode(t)
  const root = await temporaryFolder(t)
  const sent: [string, Uint8Array][] = []
  let spool: Spool | undefined
  for (const seed of [1, 2, 3, 4]) {
    await spool?.close()
    const queued = await queueFrames(root, node.identities, [seed * 1000, 20, 300_000], { seed })
    spool = queued.spool
    sent.push([queued.spooled.recording, await streamBytes(queued.spooled)])
  }
  const { uplink } = openUplink(t, spool!, httpOf(node), node.identities)
  await sentAll(spool!)
  for (const [recording, bytes] of sent) {
    t.true(equalBytes(await stored(node, recording), bytes), recording)
    t.is(node.register.done.get(recording)?.proof, 'sealed')
    t.is(uplink.acked({ key: streamKey(recording, 'cast') }), 0)
  }
  await eventually(async () => assert.deepEqual(await readdir(join(root, 'spool')), []))
  t.deepEqual(node.errors, [])
  t.like(uplink.status, { state: 'connected', node: 'node-1' })
})

test('a stream that grows is acknowledged as it grows, and its sealed frames go', async (t) => {
  const node = await startTestNode(t)
  const { spool, spooled } = await queueFrames(await temporaryFolder(t), node.identities, [500, 500], {
    end: false,
  })
  const { uplink } = openUplink(t, spool, httpOf(node), node.identities)
  await eventually(() => assert.equal(uplink.acked(spooled), spooled.durable))
  await eventually(() => assert.equal(spooled.files.length, 1))
  const before = spooled.durable
  await spooled.begin()
  await spooled.append([new Uint8Array(100).fill(7)])
  await spooled.sync()
  await eventually(() => assert.equal(uplink.acked(spooled), before + 100))
  t.is((await stored(node, spooled.recording)).length, before + 100)
})

test('lines that are cut after any number of bytes: the stream is whole in the end', async (t) => {
  const node = await startTestNode(t)
  const sizes = [2000, 300_000, 300_000, 300_000, 400]
  const { spool, spooled } = await queueFrames(await temporaryFolder(t), node.identities, sizes)
  const bytes = await streamBytes(spooled)
  const line = await openLine(t, portOf(node))
  line.pieceBytes = 1000
  let round = 0
  // Within the handshake, the greeting, the first frame; then more, so that some of it is acknowledged.
  line.cutAfterBytes = () => {
    round += 1
    if (round > 25) return Number.POSITIVE_INFINITY
    return round < 6 ? round * 450 : 25_000 + ((round * 7919) % 30_000)
  }
  openUplink(t, spool, line.url, node.identities)
  await sentAll(spool)
  t.true(line.connections > 10, String(line.connections))
  t.true(equalBytes(await stored(node, spooled.recording), bytes))
  t.is(node.register.done.get(spooled.recording)?.proof, 'sealed')
})

test('nodes that come and go on the same store, told and untold', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'tapedeck-store-'))
  let node = await startTestNode(t, { home })
  const { identities, register } = node
  const { spool, spooled } = await queueFrames(
    await temporaryFolder(t),
    identities,
    [300_000, 300_000, 300_000, 300_000],
  )
  const bytes = await streamBytes(spooled)
  const line = await openLine(t, portOf(node))
  line.pieceBytes = 4000
  const { uplink } = openUplink(t, spool, line.url, identities)
  for (let round = 1; round <= 4; round++) {
    await eventually(() => {
      if (uplink.acked(spooled) < (bytes.length * round) / 6) throw new Error(String(uplink.acked(spooled)))
    })
    const before = node
    node = await startTestNode(t, { home, identities, register })
    line.target = portOf(node)
    await (round % 2 ? before.ingest.drain() : before.ingest.close())
  }
  await sentAll(spool)
  t.true(equalBytes(await stored(node, spooled.recording), bytes))
})

test('a node that drains is left at once, and what it had is not sent again', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'tapedeck-store-'))
  const node = await startTestNode(t, { home })
  const { identities, register } = node
  const { spool, spooled } = await queueFrames(await temporaryFolder(t), identities, [1000], { end: false })
  const line = await openLine(t, portOf(node))
  const { uplink } = openUplink(t, spool, line.url, identities)
  await eventually(() => assert.equal(uplink.acked(spooled), spooled.durable))
  const next = await startTestNode(t, { home, identities, register })
  line.target = portOf(next)
  await node.ingest.drain()
  await eventually(() => assert.equal(line.connections, 2))
  await connected(uplink)
  await eventually(() => assert.equal(next.ingest.stats().channels, 1))
  t.is(next.ingest.stats().acceptedBytes, 0)
})

test('a store that lost what was acknowledged is sent it again', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'tapedeck-store-'))
  let node = await startTestNode(t, { home })
  const { identities, register } = node
  const { spool, spooled } = await queueFrames(await temporaryFolder(t), identities, [2000, 3000], {
    end: false,
  })
  // Behind the last boundary: acknowledged, but no receipt covers it.
  await spooled.begin()
  await spooled.append([new Uint8Array(5000).fill(7)])
  await spooled.sync()
  const line = await openLine(t, portOf(node))
  const { uplink } = openUplink(t, spool, line.url, identities)
  const sent = spooled.durable
  await eventually(() => assert.equal(uplink.acked(spooled), sent))
  const bytes = await stored(node, spooled.recording)
  for (const lost of [1, 700, 5000]) {
    line.target = undefined
    line.cut()
    await node.ingest.close()
    await truncate(storedPath(node, spooled.recording), sent - lost)
    node = await startTestNode(t, { home, identities, register, limits: { staleShareMs: 100 } })
    line.target = portOf(node)
    await eventually(async () => assert.equal((await stored(node, spooled.recording)).length, sent))
    t.true(equalBytes(await stored(node, spooled.recording), bytes), `lost ${lost}`)
  }
})

test('a store that lost what it gave receipts for: a GAP, and the rest is whole', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'tapedeck-store-'))
  const node = await startTestNode(t, { home })
  const { identities, register } = node
  const { spool, spooled } = await queueFrames(
    await temporaryFolder(t),
    identities,
    [2000, 3000, 4000, 5000],
    { end: false },
  )
  const line = await openLine(t, portOf(node))
  const { uplink } = openUplink(t, spool, line.url, identities)
  await eventually(() => assert.equal(spooled.receiptOffset, spooled.state.offset))
  t.is(spooled.files.length, 1)
  const [, , third] = spooled.state.written
  for (const size of [third!.offset, third!.offset + 500, 1000, 0]) {
    line.target = undefined
    line.cut()
    await node.ingest.close()
    await truncate(storedPath(node, spooled.recording), size)
    const next = await startTestNode(t, { home, identities, register, limits: { staleShareMs: 100 } })
    line.target = portOf(next)
    await eventually(async () => {
      const { report } = await read(await stored(next, spooled.recording), identities)
      assert.deepEqual(report.problems, [], `cut to ${size}`)
      assert.deepEqual(
        report.gaps.map(({ reason }) => reason),
        ['store'],
        `cut to ${size}`,
      )
      assert.equal(report.bytes, spooled.state.offset, `cut to ${size}`)
    })
    await next.ingest.close()
  }
  await eventually(() => assert.equal(uplink.acked(spooled), spooled.state.offset))
})

test('a line that goes dead is noticed, and a slow one is not', async (t) => {
  const node = await startTestNode(t, { limits: { heartbeatMs: 200 } })
  const { spool, spooled } = await queueFrames(await temporaryFolder(t), node.identities, [40_000, 40_000])
  const bytes = await streamBytes(spooled)
  const line = await openLine(t, portOf(node))
  line.stalled = true
  const { uplink } = openUplink(t, spool, line.url, node.identities)
  await eventually(() => assert.equal(line.connections, 1))
  line.stalled = false
  line.cut()
  line.pieceBytes = 300
  await connected(uplink)
  line.stalled = true
  const { connections } = line
  await eventually(() => {
    if (line.connections === connections && uplink.status.state === 'connected')
      throw new Error('It was not noticed.')
  })
  t.regex(uplink.status.lastError ?? 'silent', /silent|greet|hang up/)
  line.stalled = false
  line.cut()
  await sentAll(spool)
  t.true(equalBytes(await stored(node, spooled.recording), bytes))
})

test('more recordings than channels: those that run come first, and none waits for ever', async (t) => {
  const node = await startTestNode(t)
  const root = await temporaryFolder(t)
  let spool: Spool | undefined
  for (const seed of [1, 2, 3, 4, 5]) {
    await spool?.close()
    spool = (await queueFrames(root, node.identities, [500], { seed, end: seed < 3 })).spool
  }
  const running = spool!.streams.filter(({ record }) => record.endSize === undefined)
  const { uplink } = openUplink(t, spool!, httpOf(node), node.identities, { channelsMax: 2 })
  await eventually(() => {
    assert.equal(spool!.streams.length, 3)
    for (const spooled of running) assert.equal(uplink.acked(spooled), spooled.durable)
  })
  t.true(node.ingest.stats().channels <= 2)
})

test('a recording that the farm deleted is dropped; one of another agent, or with other bytes, is put aside', async (t) => {
  const node = await startTestNode(t)
  const { identities } = node
  const root = await temporaryFolder(t)
  const spools: Spool[] = []
  for (const seed of [1, 2, 3]) {
    await spools.at(-1)?.close()
    spools.push((await queueFrames(root, identities, [seed * 100, 200], { seed })).spool)
  }
  const spool = spools.at(-1)!
  const [deleted, foreign, forked] = [1, 2, 3].map((seed) => spool.get(sampleId(seed)))
  node.register.discarded.add(deleted!.recording)
  // Another agent of the farm has this id; and this agent, restored from a snapshot, had other bytes.
  const other = makeIdentities(undefined, undefined)
  const fake = { ...identities, agent: other.agent }
  const { signToken } = await import('../../../format/token.ts')
  const { farmIdOf } = await import('../../../codec/ed25519.ts')
  const { toBase64url } = await import('../../../format/bytes.ts')
  fake.certificate = signToken(
    {
      t: 'agent-certificate',
      agent: 'agent-2',
      host: 'x',
      key: toBase64url(other.agent.publicKey),
      from: 0,
      until: 4e12,
      farm: farmIdOf(identities.farm.publicKey),
    },
    identities.farm,
  )
  for (const [seed, as] of [
    [2, fake],
    [3, identities],
  ] as const) {
    const elsewhere = await queueFrames(await temporaryFolder(t), as, [50, 60, 70], { seed, end: false })
    const twin = openUplink(t, elsewhere.spool, httpOf(node), as)
    await eventually(() => assert.equal(twin.uplink.acked(elsewhere.spooled), elsewhere.spooled.durable))
    await twin.uplink.close()
  }
  const discarded: string[] = []
  const { log } = openUplink(t, spool, httpOf(node), identities, {
    onDiscarded: async (recording) => void discarded.push(recording),
  })
  await sentAll(spool)
  t.deepEqual(discarded, [deleted!.recording])
  const aside = [`${foreign!.recording}.forked`, `${forked!.recording}.forked`].sort()
  await eventually(async () => assert.deepEqual((await readdir(join(root, 'spool'))).sort(), aside))
  t.true(log.codes().includes('recording'))
  t.true(log.codes().includes('fork'))
})

test('a place that the farm does not know any more is forgotten', async (t) => {
  const node = await startTestNode(t)
  const { spool, spooled } = await queueFrames(await temporaryFolder(t), node.identities, [500])
  await spooled.update({ place: 'not.one' })
  openUplink(t, spool, httpOf(node), node.identities)
  await sentAll(spool)
  t.pass()
})

test('a node of another farm, and one that does not let the agent in, are left alone, with growing waits', async (t) => {
  const node = await startTestNode(t)
  const root = await temporaryFolder(t)
  const { spool } = await queueFrames(root, node.identities, [500])
  const line = await openLine(t, portOf(node))
  const stranger = openUplink(t, spool, line.url, makeIdentities())
  await eventually(() => assert.match(stranger.uplink.status.lastError ?? '', /Expected the farm/))
  await stranger.uplink.close()
  node.register.allowed = false
  const { uplink, log } = openUplink(t, spool, line.url, node.identities)
  await eventually(() => assert.match(uplink.status.lastError ?? '', /\[revoked\]/))
  t.true(log.said.filter(({ code }) => code === 'uplink').length <= 2)
  node.register.allowed = true
  await sentAll(spool)
})
