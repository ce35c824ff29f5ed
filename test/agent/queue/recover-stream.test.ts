import { cp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { LogFollower } from '../../../agent/capture/log-follower.ts'
import { StreamRecorder } from '../../../agent/capture/stream-recorder.ts'
import { TimelineRecorder } from '../../../agent/capture/timeline-recorder.ts'
import { recoverStream } from '../../../agent/queue/recover-stream.ts'
import { Spool } from '../../../agent/queue/spool.ts'
import type { SpooledStream } from '../../../agent/queue/spooled-stream.ts'
import { timelineWriter } from '../../../agent/queue/timeline-writer.ts'
import { equalBytes } from '../../../format/bytes.ts'
import { skippableSpanBytes } from '../../../format/skippable.ts'
import { blockEnds } from '../../../format/zstd-blocks.ts'
import { eventually } from '../../helpers/eventually.ts'
import { crypto, makeIdentities } from '../../helpers/sample-stream.ts'
import {
  aliveRecorder,
  copyHome,
  fastFolder,
  type Recorded,
  recorderOf,
  recordToEnd,
  spoolSession,
} from '../agent-parts.ts'
import { type Happening, WrittenLogs } from '../written-logs.ts'

// The queue of an agent that was killed while it wrote, cut anywhere: the next agent goes on, and nothing is lost or twice.

const identities = makeIdentities()
const { agent: signer, certificate } = identities

// Characters in pieces, a resize within one, bytes that are no text, what compresses and what does not.
const happenings: Happening[] = [
  { output: '$ ' },
  { output: Uint8Array.of(0xe8, 0xaa) },
  { resize: [100, 30] },
  { output: Uint8Array.of(0x9e, 0xf0, 0x9f) },
  { output: Uint8Array.of(0x8e, 0x89, 0xff, 0xc0, 10) },
  { output: 'the same line of text\r\n'.repeat(20) },
  { resize: [80, 24] },
  { output: Uint8Array.from({ length: 300 }, (_, i) => (i * i * 31 + i * 7) & 0xff) },
  { output: 'last é' },
]

/** A recording with one sealed frame and one that is open, each flushed after every step; as it lies on the disk. */
async function halfRecorded(
  home: string,
  options: { more?: Happening[]; alive?: boolean } = {},
): Promise<{ logs: WrittenLogs; spooled: SpooledStream }> {
  const logs = new WrittenLogs(join(home, 'run', 's'))
  logs.announce(options.alive ? aliveRecorder() : {})
  const { spool } = await Spool.open(join(home, 'spool'))
  const spooled = await spoolSession(spool, join(home, 'run'), 's')
  const follower = new LogFollower(logs.dir, { startedMs: 0 })
  const { session } = spooled.record
  const writer = timelineWriter(spooled, { signer, crypto, certificate })
  const timeline = new TimelineRecorder(new StreamRecorder(spooled, writer))
  await timeline.begin(session, 'sh -c true', follower.position)
  const step = async (happening: Happening) => {
    logs.happen(happening)
    const before = follower.position
    const { items } = follower.next(1e6)
    await timeline.write(items, { before, after: follower.position })
    await timeline.stream.flush()
  }
  for (const happening of happenings.slice(0, 1)) await step(happening)
  await timeline.stream.seal()
  for (const happening of happenings.slice(1)) await step(happening)
  for (const happening of options.more ?? []) await step(happening)
  follower.close()
  await spool.close()
  return { logs, spooled }
}

async function lastFile(home: string): Promise<string> {
  const [recording] = await readdir(join(home, 'spool'))
  const dir = join(home, 'spool', recording!, 'cast')
  const names = (await readdir(dir)).filter((name) => /^\d/.test(name)).sort()
  return join(dir, names.at(-1)!)
}

function isExact(t: ExecutionContext, recorded: Recorded, logs: WrittenLogs, what: string): void {
  t.deepEqual(recorded.report.problems, [], what)
  t.deepEqual(recorded.report.gaps, [], what)
  t.is(recorded.report.end?.reason, 'exit', what)
  t.is(recorded.report.unproven, undefined, what)
  t.true(equalBytes(recorded.output, logs.bytes), `${what}: output`)
  t.deepEqual(recorded.sizes, logs.resizes, `${what}: sizes`)
  t.is(recorded.events.filter(({ code }) => code === 'e').length, 1, what)
}

test('cut at any byte: recording goes on so that all comes exactly once', async (t) => {
  const root = await fastFolder(t)
  const home = join(root, 'home')
  const { logs } = await halfRecorded(home)
  logs.happen({ output: 'while no agent ran' })
  logs.exit(0)
  const path = await lastFile(home)
  const { size } = await stat(path)
  t.true(size > 600)
  for (let cut = 0; cut <= size; cut += cut < 300 ? 29 : 1) {
    const copy = await copyHome(home, join(root, 'copy'))
    await truncate(path.replace(home, copy), cut)
    const [recorded] = await recordToEnd(copy, identities)
    isExact(t, recorded!, logs, `cut at ${cut}`)
    await rm(copy, { recursive: true })
  }
})

test('cut between blocks of one large flush: no frame ends within a line', async (t) => {
  const root = await fastFolder(t)
  const home = join(root, 'home')
  const noise = Buffer.from(Array.from({ length: 400_000 }, (_, i) => 33 + ((i * i * 7919 + i * 31) % 89)))
  const { logs } = await halfRecorded(home, { more: [{ output: noise }] })
  logs.exit(0)
  const path = await lastFile(home)
  const bytes = await readFile(path)
  const body = bytes.subarray(skippableSpanBytes(bytes))
  const { ends } = blockEnds(body)
  t.true(ends.length > happenings.length + 1)
  for (const { end } of ends) {
    const copy = await copyHome(home, join(root, 'copy'))
    await truncate(path.replace(home, copy), bytes.length - body.length + end)
    const [recorded] = await recordToEnd(copy, identities)
    isExact(t, recorded!, logs, `block to ${end}`)
    await rm(copy, { recursive: true })
  }
})

test('zeros behind the cut, as after a power cut', async (t) => {
  const root = await fastFolder(t)
  const home = join(root, 'home')
  const { logs } = await halfRecorded(home)
  logs.exit(0)
  const path = await lastFile(home)
  const { size } = await stat(path)
  for (let cut = 0; cut <= size; cut += cut < 240 ? 60 : 7) {
    for (const zeros of [1, 2, 3, 4096]) {
      const copy = await copyHome(home, join(root, 'copy'))
      await truncate(path.replace(home, copy), cut)
      await truncate(path.replace(home, copy), cut + zeros)
      const [recorded] = await recordToEnd(copy, identities)
      isExact(t, recorded!, logs, `cut at ${cut}, ${zeros} zeros`)
      await rm(copy, { recursive: true })
    }
  }
})

test('the log of parts cut at any byte, with and without zeros', async (t) => {
  const root = await fastFolder(t)
  const home = join(root, 'home')
  // Only the last part may be missing in it: each is durable before the next begins.
  const { logs, spooled } = await halfRecorded(home)
  logs.exit(0)
  await rm(await lastFile(home))
  const path = join(spooled.dir, 'parts')
  const { size } = await stat(path)
  for (let cut = 0; cut <= size; cut += 5) {
    const copy = await copyHome(home, join(root, 'copy'))
    await truncate(path.replace(home, copy), cut)
    if (cut % 2 === 0) await truncate(path.replace(home, copy), cut + 500)
    const [recorded] = await recordToEnd(copy, identities)
    isExact(t, recorded!, logs, `cut at ${cut}`)
    await rm(copy, { recursive: true })
  }
})

test('without the logs: what is there stays, and a GAP says that there was more', async (t) => {
  const root = await fastFolder(t)
  const home = join(root, 'home')
  const { logs } = await halfRecorded(home)
  const path = await lastFile(home)
  const { size } = await stat(path)
  for (let cut = 0; cut <= size; cut += 31) {
    const copy = await copyHome(home, join(root, 'copy'))
    await truncate(path.replace(home, copy), cut)
    await rm(join(copy, 'run'), { recursive: true })
    const [{ report, output }] = (await recordToEnd(copy, identities)) as [Recorded]
    t.deepEqual(report.problems, [])
    t.deepEqual(
      report.gaps.map(({ reason }) => reason),
      ['crash'],
    )
    t.is(report.end?.reason, 'lost')
    t.true(equalBytes(output, logs.bytes.subarray(0, output.length)), `cut at ${cut}`)
    await rm(copy, { recursive: true })
  }
})

test('END and its seek table cut at any byte are written again, the same', async (t) => {
  const root = await fastFolder(t)
  const home = join(root, 'home')
  const { logs, spooled } = await halfRecorded(home)
  logs.exit(4)
  const before = await copyHome(home, join(root, 'before'))
  const [whole] = await recordToEnd(home, identities)
  isExact(t, whole!, logs, 'whole')
  const path = await lastFile(home)
  const { size } = await stat(path)
  const endBytes = skippableSpanBytes(await readFile(path))
  // As it was before `endSize` was written: the logs are gone already, or still there.
  const record = JSON.parse(await readFile(join(spooled.dir, 'session.json'), 'utf8'))
  delete record.endSize
  await writeFile(join(spooled.dir, 'session.json'), JSON.stringify(record))
  for (let cut = 0; cut <= size; cut += 3) {
    const copy = await copyHome(home, join(root, 'copy'))
    const endIsWhole = cut >= endBytes
    if (!endIsWhole) await cp(join(before, 'run'), join(copy, 'run'), { recursive: true })
    await truncate(path.replace(home, copy), cut)
    const [recorded] = await recordToEnd(copy, identities)
    t.true(equalBytes(recorded!.bytes, whole!.bytes), `cut at ${cut}`)
    await rm(copy, { recursive: true })
  }
})

test('a GAP that the log of parts does not have yet stays as it is', async (t) => {
  const root = await fastFolder(t)
  const home = join(root, 'home')
  const { logs, spooled } = await halfRecorded(home)
  const { spool } = await Spool.open(join(home, 'spool'))
  const loaded = spool.get(spooled.recording)!
  const writer = timelineWriter(loaded, { signer, crypto, certificate })
  await recoverStream(loaded, writer)
  await loaded.begin()
  const frame = writer.gap({ fromUs: 1, toUs: 2, reason: 'flood', lostBytes: 3 })
  await loaded.append([frame])
  await loaded.sync()
  await spool.close()
  logs.exit(0)
  for (let cut = 0; cut <= frame.length; cut += 13) {
    const copy = await copyHome(home, join(root, 'copy'))
    await truncate((await lastFile(home)).replace(home, copy), cut)
    const [{ report, output }] = (await recordToEnd(copy, identities)) as [Recorded]
    t.deepEqual(report.problems, [])
    t.is(report.gaps.length, cut === frame.length ? 1 : 0)
    t.true(equalBytes(output, logs.bytes))
    await rm(copy, { recursive: true })
  }
  const [{ report }] = (await recordToEnd(home, identities)) as [Recorded]
  t.is(report.gaps.length, 1)
  t.deepEqual(report.problems, [])
})

test('cut again and again', async (t) => {
  const root = await fastFolder(t)
  const rounds = fc.array(fc.tuple(fc.nat(), fc.nat(3)), { minLength: 1, maxLength: 5 })
  await fc.assert(
    fc.asyncProperty(rounds, async (cuts) => {
      const home = join(root, 'home')
      await rm(home, { recursive: true, force: true })
      const { logs, spooled } = await halfRecorded(home, { alive: true })
      for (const [at, zeros] of cuts) {
        const path = await lastFile(home)
        const parts = await readFile(join(spooled.dir, 'parts'), 'utf8')
        // What is a part is durable; only what is behind it can be torn.
        if (!parts.includes(`"offset":${Number(basename(path, '.frame'))},`)) {
          const cut = at % ((await stat(path)).size + 1)
          await truncate(path, cut)
          await truncate(path, cut + zeros)
        }
        // An agent that starts, reads on and is closed before the session ends.
        const { spool } = await Spool.open(join(home, 'spool'))
        const [queued] = spool.streams
        const recorder = recorderOf(queued!, join(home, 'run'), identities)
        logs.happen({ output: `round ${at} é` })
        const before = queued!.state.offset
        void recorder.run()
        await eventually(() => {
          if (queued!.durable === before) throw new Error('Nothing is recorded yet.')
        })
        await recorder.close()
        await spool.close()
      }
      logs.exit(0)
      const [recorded] = await recordToEnd(home, identities)
      isExact(t, recorded!, logs, JSON.stringify(cuts))
    }),
    { numRuns: 20, includeErrorInReport: true },
  )
})
