import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { PartLog, partBelow } from '../../../agent/queue/part-log.ts'
import type { SessionRecord } from '../../../agent/queue/session-record.ts'
import { Spool } from '../../../agent/queue/spool.ts'
import { Turns } from '../../../agent/queue/turns.ts'
import type { WrittenFrame } from '../../../format/stream-writer.ts'
import { signToken } from '../../../format/token.ts'
import { facts, makeIdentities, sampleId } from '../../helpers/sample-stream.ts'
import { temporaryFolder } from '../../helpers/test-node.ts'

const identities = makeIdentities()
const session = { facts, pid: 7, ticks: '1', boot: 'b' }
const record = (recording: string): SessionRecord => ({
  version: 1,
  recording,
  stream: 'cast',
  folder: 'f',
  session,
  sentFrom: -1,
})
const part = (offset: number, bytes: number, endUs = offset): WrittenFrame => ({
  offset,
  head: 1,
  body: bytes - 2,
  raw: 1,
  seal: 1,
  endUs,
  chain: `chain-${offset}`,
})
const receipt = (recording: string, offset: number) =>
  signToken(
    { t: 'receipt', recording, stream: 'cast', offset, seal: 'x', time: 0, farm: 'f' },
    identities.farm,
  )

/** A recording of `count` sealed frames of 100 bytes. */
async function spoolFrames(root: string, count: number, id = sampleId()) {
  const { spool } = await Spool.open(root)
  const spooled = await spool.create(record(id))
  for (let i = 0; i < count; i++) {
    await spooled.begin()
    await spooled.append([new Uint8Array(60).fill(i), new Uint8Array(40).fill(i)])
    await spooled.boundary(part(i * 100, 100), {
      source: { out: i, timing: i, time: i },
      outputBytes: 0,
      resizes: 0,
    })
  }
  return { spool, spooled }
}

test('what was appended and synced is read back by offset, also by the next agent', async (t) => {
  const root = await temporaryFolder(t)
  const { spool, spooled } = await spoolFrames(root, 3)
  await spooled.begin()
  await spooled.append([Uint8Array.of(9, 9, 9)])
  // What is not synced is not sent.
  t.is(spooled.durable, 300)
  t.is(await spooled.take(300, 100), undefined)
  await spooled.sync()
  t.deepEqual(await spooled.take(300, 100), { kind: 'bytes', bytes: Buffer.of(9, 9, 9) })
  t.deepEqual(await spooled.take(150, 1000), { kind: 'bytes', bytes: Buffer.alloc(50, 1) })
  t.deepEqual(await spooled.take(150, 7), { kind: 'bytes', bytes: Buffer.alloc(7, 1) })
  t.is(await spooled.take(303, 7), undefined)
  await spool.close()

  const { spool: next } = await Spool.open(root)
  const loaded = next.get(spooled.recording)!
  t.like(loaded.state, { offset: 300, frame: 3, chain: 'chain-200' })
  t.is(loaded.resume?.source.out, 2)
  t.is(loaded.files.length, 4)
  // The torn tail may change yet: it is not offered before the recorder has been over it.
  t.is(loaded.durable, 300)
  t.is(loaded.oldest, 0)
  await next.close()
})

test('a receipt that reaches to where the next part has just begun does not take its file', async (t) => {
  const { spool, spooled } = await spoolFrames(await temporaryFolder(t), 3)
  await spooled.begin()
  await spooled.acknowledge(300, receipt(spooled.recording, 300))
  await spooled.append([Uint8Array.of(9, 9, 9)])
  await spooled.sync()
  t.deepEqual(await spooled.take(300, 100), { kind: 'bytes', bytes: Buffer.of(9, 9, 9) })
  await spool.close()
})

test('files go below a receipt, frame 0 stays, and the stream goes on at its own offset', async (t) => {
  const root = await temporaryFolder(t)
  const { spool, spooled } = await spoolFrames(root, 3)
  await spooled.acknowledge(250, receipt(spooled.recording, 250))
  t.deepEqual(
    spooled.files.map(({ start }) => start),
    [0, 200],
  )
  t.is(spooled.oldest, 200)
  await spooled.acknowledge(300, receipt(spooled.recording, 300))
  t.deepEqual(
    spooled.files.map(({ start }) => start),
    [0],
  )
  t.is(spooled.oldest, 300)
  // An older receipt that comes late changes nothing.
  await spooled.acknowledge(250, receipt(spooled.recording, 250))
  t.is(spooled.receiptOffset, 300)
  await spool.close()

  const { spool: next } = await Spool.open(root)
  const loaded = next.get(spooled.recording)!
  t.is(loaded.durable, 300)
  t.is(loaded.oldest, 300)
  await loaded.begin()
  await loaded.append([new Uint8Array(100)])
  await loaded.boundary(part(300, 100), undefined)
  t.deepEqual(
    loaded.files.map(({ start }) => start),
    [0, 300],
  )
  t.deepEqual(await loaded.take(300, 1000), { kind: 'bytes', bytes: Buffer.alloc(100) })
  await next.close()
})

test('deleted files that a power cut brings back are deleted again', async (t) => {
  const root = await temporaryFolder(t)
  const { spool, spooled } = await spoolFrames(root, 3)
  const path = join(spooled.dir, `${'100'.padStart(20, '0')}.frame`)
  const bytes = await readFile(path)
  await spooled.acknowledge(200, receipt(spooled.recording, 200))
  await spool.close()
  await writeFile(path, bytes)
  const { spool: next } = await Spool.open(root)
  t.deepEqual(
    next.get(spooled.recording)!.files.map(({ start }) => start),
    [0, 200],
  )
  t.false((await readdir(spooled.dir)).includes(`${'100'.padStart(20, '0')}.frame`))
  await next.close()
})

test('a GAP takes the place of whole files; a crash before they are deleted changes nothing', async (t) => {
  const root = await temporaryFolder(t)
  const { spool, spooled } = await spoolFrames(root, 5)
  const frame = new Uint8Array(20)
  new DataView(frame.buffer).setUint32(4, 300 - 8, true)
  const before = await Promise.all(
    (await readdir(spooled.dir)).map(
      async (name) => [name, await readFile(join(spooled.dir, name))] as const,
    ),
  )
  t.true(await spooled.replace(spooled.files.slice(1, 4), frame))
  t.deepEqual(spooled.files, [
    { start: 0, kind: 'frame', size: 100 },
    { start: 100, kind: 'gap', size: 300 },
    { start: 400, kind: 'frame', size: 100 },
  ])
  t.is(spooled.bytes, 200)
  t.deepEqual(await spooled.take(100, 10), { kind: 'gap', from: 100, to: 400, frame: Buffer.from(frame) })
  await spool.close()
  // The frames as they were beside the GAP.
  for (const [name, bytes] of before) await writeFile(join(spooled.dir, name), bytes)
  const { spool: next } = await Spool.open(root)
  t.deepEqual(next.get(spooled.recording)!.files, spooled.files)
  t.is((await readdir(spooled.dir)).filter((name) => name.endsWith('.frame')).length, 2)
  await next.close()
})

test('what was sent is never replaced, even when both happen at once', async (t) => {
  const root = await temporaryFolder(t)
  const frame = new Uint8Array(20)
  new DataView(frame.buffer).setUint32(4, 100 - 8, true)
  for (let round = 0; round < 20; round++) {
    const { spool, spooled } = await spoolFrames(join(root, String(round)), 3)
    const files = spooled.files.slice(1, 2)
    const works = [() => spooled.take(100, 10), () => spooled.replace(files, frame)] as const
    const [taken, replaced] = await Promise.all(
      round % 2 === 0 ? [works[0](), works[1]()] : [works[1](), works[0]()].reverse(),
    )
    t.is((taken as { kind: string }).kind, replaced ? 'gap' : 'bytes')
    const { sentFrom } = JSON.parse(await readFile(join(spooled.dir, 'session.json'), 'utf8'))
    t.true(sentFrom >= 100)
    await spool.close()
  }
})

test('a write that fails: what was not synced is cut off, and nothing is promised', async (t) => {
  const root = await temporaryFolder(t)
  const { spool, spooled } = await spoolFrames(root, 1)
  await spooled.begin()
  await spooled.append([Uint8Array.of(1, 2, 3)])
  await spooled.sync()
  await spooled.append([Uint8Array.of(4, 5, 6)])
  // The recording's folder is away: the log of parts cannot be written.
  const away = `${spooled.dir}.away`
  const { rename } = await import('node:fs/promises')
  await rm(join(spooled.dir, 'parts'))
  await spooled.close()
  await mkdir(join(spooled.dir, 'parts'))
  await spooled.reopen(6)
  await t.throwsAsync(spooled.boundary(part(100, 6), undefined))
  t.is(spooled.durable, 103)
  await rm(join(spooled.dir, 'parts'), { recursive: true })
  await spooled.cutAfterFailure()
  t.is(spooled.files.at(-1)!.size, 3)
  t.deepEqual(await spooled.take(100, 10), { kind: 'bytes', bytes: Buffer.of(1, 2, 3) })
  await rename(spooled.dir, away)
  await t.throwsAsync(spooled.update({ sentFrom: 5000 }), { code: 'ENOENT' })
  // In memory is what is on the disk.
  t.not(spooled.record.sentFrom, 5000)
  await rename(away, spooled.dir)
  await spool.close()
})

test('a folder that cannot be understood is put aside, an empty one removed, others are left alone', async (t) => {
  const root = await temporaryFolder(t)
  const { spool, spooled } = await spoolFrames(root, 1)
  await spool.close()
  const folder = (seed: number) => join(root, sampleId(seed), 'cast')
  const broken: [number, string][] = [
    [2, '{'],
    [3, 'null'],
    [4, JSON.stringify({ ...record(sampleId(4)), sentFrom: 'x' })],
    [5, JSON.stringify({ ...record(sampleId(5)), folder: '../../etc' })],
    [6, JSON.stringify(record(sampleId(1)))],
    [7, JSON.stringify({ ...record(sampleId(7)), version: 2 })],
  ]
  for (const [seed, text] of broken) {
    await mkdir(folder(seed), { recursive: true })
    await writeFile(join(folder(seed), 'session.json'), text)
    await writeFile(join(folder(seed), `${'0'.repeat(20)}.frame`), 'x')
  }
  await mkdir(folder(8), { recursive: true })
  await writeFile(join(folder(8), 'session.json.tmp'), '{')
  await mkdir(join(root, 'lost+found'))
  const { spool: next, bad } = await Spool.open(root)
  t.deepEqual(
    next.streams.map(({ recording }) => recording),
    [spooled.recording],
  )
  t.deepEqual(bad.sort(), broken.map(([seed]) => sampleId(seed)).sort())
  const names = await readdir(root)
  for (const [seed] of broken) t.true(names.includes(`${sampleId(seed)}.bad`))
  t.false(names.includes(sampleId(8)))
  t.true(names.includes('lost+found'))
  await next.close()
})

test('the totals count what the farm does not have', async (t) => {
  const root = await temporaryFolder(t)
  const { spool, spooled } = await spoolFrames(root, 4)
  const nowMs = facts.startedMs + 5000
  t.deepEqual(
    spool.totals(nowMs, () => 0),
    { bytes: 400, messages: 4, oldestMs: 5000 },
  )
  t.deepEqual(
    spool.totals(nowMs, () => 150),
    { bytes: 250, messages: 3, oldestMs: 5000 },
  )
  await spooled.acknowledge(400, receipt(spooled.recording, 400))
  t.deepEqual(
    spool.totals(nowMs, () => 0),
    { bytes: 0, messages: 0, oldestMs: null },
  )
  await spool.close()
})

test('removed and put aside', async (t) => {
  const root = await temporaryFolder(t)
  const { spool, spooled } = await spoolFrames(root, 2)
  const other = await spool.create(record(sampleId(2)))
  await spool.remove(spooled)
  await spool.setAside(other.recording, 'forked')
  t.deepEqual(await readdir(root), [`${other.recording}.forked`])
  t.deepEqual(spool.streams, [])
})

test('ten thousand parts: a line each, and as many bytes as lines', async (t) => {
  const dir = await temporaryFolder(t)
  const log = await PartLog.load(dir)
  for (let i = 0; i < 300; i++) await log.append(part(i * 100, 100), undefined)
  await log.close()
  const line = await readFile(join(dir, 'parts'), 'utf8')
  t.true(line.length < 300 * 150)
  const loaded = await PartLog.load(dir)
  t.is(loaded.state.offset, 30_000)
  const { written } = loaded.state
  for (const offset of [1, 100, 101, 29_999, 30_000, 1e9])
    t.is(
      partBelow(written, offset),
      written.findLast((each) => each.offset < offset),
    )
  t.is(partBelow(written, 0), undefined)
  // A line that does not follow the one before is not of this stream.
  await writeFile(join(dir, 'parts'), `${line}${JSON.stringify(part(99, 1))}\n`)
  t.is((await PartLog.load(dir)).state.offset, 30_000)
})

test('turns: in order, and a failure keeps nobody from his', async (t) => {
  const turns = new Turns()
  const done: number[] = []
  const works = [3, 1, 2].map((ms, i) =>
    turns.take(async () => {
      await new Promise((resolve) => setTimeout(resolve, ms))
      if (i === 1) throw new Error('once')
      done.push(i)
    }),
  )
  await turns.idle()
  t.deepEqual(
    (await Promise.allSettled(works)).map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  t.deepEqual(done, [0, 2])
})
