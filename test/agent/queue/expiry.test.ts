import { readdir, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { type ExpiryOptions, expire } from '../../../agent/queue/expiry.ts'
import { Spool } from '../../../agent/queue/spool.ts'
import { facts, makeIdentities } from '../../helpers/sample-stream.ts'
import { temporaryFolder } from '../../helpers/test-node.ts'
import { collectLog, queueFrames, read, streamBytes } from '../agent-parts.ts'

const identities = makeIdentities()
const { startedMs } = facts
const endless = 365 * 86_400
const options = (spool: Spool, root: string, change: Partial<ExpiryOptions> = {}): ExpiryOptions => ({
  spool,
  signerOf: () => identities.agent,
  root,
  messageLifeS: endless,
  quotaMiB: 1024 * 1024,
  log: collectLog(),
  ...change,
})

test('message life: what is older goes as one GAP, frame 0 stays, and the chain is whole', async (t) => {
  const root = await temporaryFolder(t)
  const { spool, spooled, output } = await queueFrames(root, identities, [800, 900, 1000, 1100, 1200])
  const log = collectLog()
  const limits = options(spool, root, { messageLifeS: 60, log })
  // Nothing is older than a minute yet.
  await expire(limits, startedMs + 61_000)
  t.is(spooled.files.filter(({ kind }) => kind === 'gap').length, 0)
  // Frames 1 to 3 end 2 to 4 s after the start.
  await expire(limits, startedMs + 64_500)
  const expected = [{ fromUs: 1_000_000, toUs: 4_000_000, reason: 'expired', bytes: spooled.files[1]!.size }]
  const recorded = await read(await streamBytes(spooled), identities)
  t.deepEqual(recorded.report.problems, [])
  t.deepEqual(recorded.report.gaps, expected as typeof recorded.report.gaps)
  t.is(recorded.report.frames, 2)
  t.is(recorded.report.end?.reason, 'exit')
  t.deepEqual(Buffer.from(recorded.output), Buffer.from([...output.slice(0, 800), ...output.slice(3800)]))
  t.deepEqual(log.codes(), ['data-lost'])
  // Later the next one: still one GAP, not one beside the other.
  await expire(limits, startedMs + 65_500)
  const later = await read(await streamBytes(spooled), identities)
  t.deepEqual(later.report.problems, [])
  t.is(later.report.gaps.length, 1)
  t.is(later.report.gaps[0]!.toUs, 5_000_000)
  await spool.close()
})

test('what was sent in part stays, and what comes before it', async (t) => {
  const root = await temporaryFolder(t)
  const { spool, spooled } = await queueFrames(root, identities, [1_000, 1_000, 1_500_000, 1_500_000])
  const third = spooled.files[2]!.start
  await spooled.take(third, 1)
  await expire(options(spool, root, { messageLifeS: 60 }), startedMs + 1e9)
  t.deepEqual(
    spooled.files.map(({ kind }) => kind),
    ['frame', 'frame', 'frame', 'gap', 'frame'],
  )
  const { report } = await read(await streamBytes(spooled), identities)
  t.deepEqual(report.problems, [])
  await spool.close()
})

test('quota: the oldest of all recordings go first, as far as needed', async (t) => {
  const root = await temporaryFolder(t)
  const first = await queueFrames(root, identities, [400_000, 400_000, 400_000], { everyUs: 10e6 })
  await first.spool.close()
  const second = await queueFrames(root, identities, [400_000, 400_000, 400_000], { seed: 2, everyUs: 1e6 })
  const { spool } = second
  const [a, b] = [spool.get(first.spooled.recording)!, spool.get(second.spooled.recording)!]
  const all = a.bytes + b.bytes
  const oldest = b.files[1]!.size
  await expire(options(spool, root, { quotaMiB: (all - oldest - 10) / 1024 ** 2 }), startedMs)
  // Two of the recording whose frames are older, none of the other.
  t.deepEqual(
    b.files.map(({ kind }) => kind),
    ['frame', 'gap', 'frame'],
  )
  t.deepEqual(
    a.files.map(({ kind }) => kind),
    ['frame', 'frame', 'frame', 'frame'],
  )
  t.true(a.bytes + b.bytes <= all - oldest)
  const { report } = await read(await streamBytes(b), identities)
  t.deepEqual(report.problems, [])
  t.deepEqual(
    report.gaps.map(({ reason }) => reason),
    ['quota'],
  )
  await spool.close()
})

test('a disk that is almost full: the queue gives back what it can', async (t) => {
  const root = await temporaryFolder(t)
  const { spool, spooled } = await queueFrames(root, identities, [900_000, 900_000, 900_000])
  const { bsize, blocks, bavail } = await statfs(root)
  // Only where this machine's own disk has room is nothing dropped.
  await expire(options(spool, root), startedMs)
  const roomy = bavail * bsize > Math.min(blocks * bsize * 0.1, 1024 ** 3)
  t.is(
    spooled.files.some(({ kind }) => kind === 'gap'),
    !roomy,
  )
  await spool.close()
})

test('frames that grow, END, and GAPs of the session itself are not dropped alone', async (t) => {
  const root = await temporaryFolder(t)
  const { spool, spooled } = await queueFrames(root, identities, [500], { end: false })
  await spooled.begin()
  await spooled.append([new Uint8Array(2000)])
  await spooled.sync()
  await expire(options(spool, root, { messageLifeS: 60 }), startedMs + 1e9)
  t.deepEqual(
    spooled.files.map(({ kind }) => kind),
    ['frame', 'frame'],
  )
  await spool.close()
})

test('a crash between the GAP and the deletion: the next agent finishes it', async (t) => {
  const root = await temporaryFolder(t)
  const { spool, spooled } = await queueFrames(root, identities, [700, 800, 900, 1000])
  const frames = (await readdir(spooled.dir)).filter((name) => name.endsWith('.frame'))
  const { readFile } = await import('node:fs/promises')
  const kept = await Promise.all(frames.map((name) => readFile(join(spooled.dir, name))))
  await expire(options(spool, root, { messageLifeS: 60 }), startedMs + 1e9)
  await spool.close()
  for (const [i, name] of frames.entries()) await writeFile(join(spooled.dir, name), kept[i]!)
  const { spool: next } = await Spool.open(join(root, 'spool'))
  const loaded = next.get(spooled.recording)!
  t.deepEqual(loaded.files, spooled.files)
  const { report } = await read(await streamBytes(loaded), identities)
  t.deepEqual(report.problems, [])
  t.is(report.gaps.length, 1)
  await next.close()
})
