import { appendFileSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import fc from 'fast-check'
import { LogFollower, type LogItem } from '../../../agent/capture/log-follower.ts'
import { concatBytes, utf8 } from '../../../format/bytes.ts'
import type { SourcePosition } from '../../../format/records.ts'
import { temporaryFolder } from '../../helpers/test-node.ts'
import { type Happening, WrittenLogs } from '../written-logs.ts'

const startedMs = 1_790_000_000_000
let runs = 0
const follow = (logs: WrittenLogs, from?: SourcePosition) =>
  new LogFollower(logs.dir, { startedMs, ...(from && { from }) })
// What the follower gives out is its own until it is asked again.
const kept = (items: LogItem[]) =>
  items.map((item) => ('bytes' in item ? { ...item, bytes: new Uint8Array(item.bytes) } : item))
const bytesIn = (items: LogItem[]) =>
  concatBytes(items.flatMap((item) => ('bytes' in item ? [item.bytes] : [])))
const sizesIn = (items: LogItem[]) =>
  items.flatMap((item) => (item.kind === 'resize' ? [`${item.columns}x${item.rows}`] : []))

const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ output: fc.uint8Array({ minLength: 1, maxLength: 50 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      resize: fc.tuple(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 500 })),
    }),
  },
)

test('however it is written and read, everything comes once and in order', async (t) => {
  const root = await temporaryFolder(t)
  fc.assert(
    fc.property(
      fc.array(fc.tuple(happening, fc.boolean())),
      fc.integer({ min: 1, max: 100 }),
      (happenings, max) => {
        const logs = new WrittenLogs(join(root, String(runs++)))
        const follower = follow(logs)
        const items: LogItem[] = []
        const look = () => items.push(...kept(follower.next(max).items))
        for (const [happens, looks] of happenings) {
          logs.happen(happens)
          if (looks) look()
        }
        logs.exit(3)
        while (items.at(-1)?.kind !== 'exit') look()
        follower.cutTrailer()
        t.is(follower.rest(100).length, 0)
        follower.close()
        t.deepEqual(bytesIn(items), logs.bytes)
        t.deepEqual(sizesIn(items), logs.resizes)
        t.is(items.at(-1)!.timeUs, happenings.length * 1000)
      },
    ),
    { numRuns: 60 },
  )
})

test('after any number of recorded bytes and resizes, the rest follows and nothing twice', async (t) => {
  const root = await temporaryFolder(t)
  fc.assert(
    fc.property(fc.array(happening, { minLength: 1 }), fc.nat(), fc.nat(), (happenings, first, second) => {
      const logs = new WrittenLogs(join(root, String(runs++)))
      for (const happens of happenings) logs.happen(happens)
      // Recorded twice in part, as by an agent that was killed two times.
      const cuts = [first, second].map((at) => at % (logs.bytes.length + 1)).sort((a, b) => a - b)
      let from: SourcePosition = { out: 0, timing: 0, time: 0 }
      let recorded = 0
      let resizes: string[] = []
      for (const cut of cuts) {
        const sizes = sizesBefore(happenings, cut)
        const follower = follow(logs, from)
        t.true(follower.skip(cut - recorded, sizes.length - resizes.length))
        from = follower.position
        follower.close()
        recorded = cut
        resizes = sizes
      }
      const follower = follow(logs, from)
      const { items } = follower.next(1e6)
      follower.close()
      t.deepEqual(bytesIn(items), logs.bytes.slice(recorded))
      t.deepEqual([...resizes, ...sizesIn(items)], logs.resizes)
    }),
    { numRuns: 100 },
  )
})

// The resizes that come before the byte at `cut` or directly behind it.
function sizesBefore(happenings: Happening[], cut: number): string[] {
  const sizes: string[] = []
  let bytes = 0
  for (const happens of happenings) {
    if ('resize' in happens) sizes.push(happens.resize.join('x'))
    else if (bytes >= cut) break
    else bytes += happens.output.length
  }
  return sizes
}

test('a resize that was recorded before the rest of a character is not given out again', async (t) => {
  const logs = new WrittenLogs(join(await temporaryFolder(t), 'x'))
  for (const happens of [
    { output: 'ab\xe2'.slice(0, 2) },
    { resize: [90, 30] },
    { output: 'c' },
  ] as Happening[])
    logs.happen(happens)
  // One byte of the first output is recorded, and the resize behind it.
  const follower = follow(logs)
  t.true(follower.skip(1, 1))
  const again = follow(logs, follower.position)
  for (const each of [follower, again]) {
    const { items } = each.next(100)
    t.is(Buffer.from(bytesIn(items)).toString(), 'bc')
    t.deepEqual(sizesIn(items), [])
    each.close()
  }
})

test('logs that have less than what is recorded are told', async (t) => {
  const logs = new WrittenLogs(join(await temporaryFolder(t), 'x'))
  logs.happen({ output: 'abc' })
  for (const [bytes, resizes] of [
    [4, 0],
    [3, 1],
  ] as const) {
    const follower = follow(logs)
    t.false(follower.skip(bytes, resizes))
    follower.close()
  }
})

test('what was written behind the last line is the rest', async (t) => {
  const logs = new WrittenLogs(join(await temporaryFolder(t), 'x'))
  logs.happen({ output: 'abc' })
  logs.writeOutput(utf8('def\nScript done on monday\n'))
  const follower = follow(logs)
  t.is(Buffer.from(bytesIn(follower.next(100).items)).toString(), 'abc')
  t.is(follower.strayBytes, 'def\nScript done on monday\n'.length)
  follower.cutTrailer()
  t.is(Buffer.from(follower.rest(2)).toString(), 'de')
  t.is(Buffer.from(follower.rest(100)).toString(), 'f\nScript done on monday\n')
  // What has no line is passed over by bytes when the logs are read again.
  const again = follow(logs)
  t.true(again.skip(5, 0))
  t.is(Buffer.from(again.rest(100)).toString(), 'f\nScript done on monday\n')
  again.close()
  follower.close()
})

test('a header in another language, and a trailer, are no output', async (t) => {
  const logs = new WrittenLogs(join(await temporaryFolder(t), 'x'))
  writeFileSync(join(logs.dir, 'out'), 'Skript gestartet am 2026 [COMMAND="x" TERM="vt"]\n')
  logs.happen({ output: 'abc' })
  logs.writeOutput(utf8('\nSkript beendet am 2026 [COMMAND_EXIT_CODE="0"]\n'))
  const follower = follow(logs)
  t.is(Buffer.from(bytesIn(follower.next(100).items)).toString(), 'abc')
  follower.cutTrailer()
  t.is(follower.rest(100).length, 0)
  follower.close()
})

test('a disk that was full: every byte that is there comes, in order; what is not is counted', async (t) => {
  const root = await temporaryFolder(t)
  const loss = fc.record({
    from: fc.nat(19),
    count: fc.integer({ min: 1, max: 8 }),
    kept: fc.nat(30),
    lines: fc.nat(8),
    part: fc.nat(12),
  })
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 20, maxLength: 20 }),
      loss,
      fc.infiniteStream(fc.boolean()),
      (sizes, lost, looks) => {
        const logs = new WrittenLogs(join(root, String(runs++)))
        const follower = follow(logs)
        const items: LogItem[] = []
        let told = 0
        let spoken = 0
        const look = () => {
          for (let next = follower.next(40); next.items.length > 0 || next.hole; next = follower.next(40)) {
            items.push(...kept(next.items))
            if (!next.hole) continue
            const hole = follower.passHole()
            told += hole.lostBytes
            if (hole.strayBytes > 0)
              items.push({
                kind: 'output',
                timeUs: hole.toUs,
                bytes: new Uint8Array(follower.rest(hole.strayBytes)),
              })
          }
        }
        for (const [i, size] of sizes.entries()) {
          const since = i - lost.from
          const bytes = Buffer.alloc(size, 97 + i)
          const full = since >= 0 && since < lost.count
          logs.writeOutput(full ? bytes.subarray(0, since === 0 ? lost.kept : 0) : bytes)
          const line = `O 0.001000 ${size}\n`
          const part = since === lost.lines ? line.slice(0, lost.part) : ''
          const written = full && since >= lost.lines ? part : line
          if (written === line) spoken += size
          appendFileSync(join(logs.dir, 'timing'), written)
          if (looks.next().value) look()
        }
        look()
        const content = readFileSync(join(logs.dir, 'out')).subarray(logs.header.length)
        while (follower.strayBytes > 0)
          items.push({ kind: 'output', timeUs: 0, bytes: new Uint8Array(follower.rest(7)) })
        follower.close()
        t.is(Buffer.from(bytesIn(items)).toString(), content.toString())
        // Lines that are lost speak of nothing; those that are there, of what is there or missing.
        t.true(told >= spoken - content.length)
      },
    ),
    { numRuns: 150 },
  )
})

test('lost lines have taken their time with them: the clock is set', async (t) => {
  const logs = new WrittenLogs(join(await temporaryFolder(t), 'x'))
  const startMs = Date.now() - 3_600_000
  logs.happen({ output: 'abc' })
  appendFileSync(join(logs.dir, 'timing'), 'O 0.0')
  logs.happen({ output: 'def' })
  const follower = new LogFollower(logs.dir, { startedMs: startMs })
  const { items } = follower.next(100)
  t.is(items[0]!.timeUs, 1000)
  t.true(Math.abs(items[1]!.timeUs - 3_600_000_000) < 60_000_000, String(items[1]!.timeUs))
  t.is(follower.position.time, items[1]!.timeUs)
  follower.close()
})

test('a host that lost power: zeros at the end are no output', async (t) => {
  const logs = new WrittenLogs(join(await temporaryFolder(t), 'x'))
  logs.happen({ output: 'abc\0' })
  logs.happen({ output: new Uint8Array(200_000) })
  appendFileSync(join(logs.dir, 'timing'), new Uint8Array(5000))
  const follower = new LogFollower(logs.dir, { startedMs, crashed: true })
  t.is(Buffer.from(bytesIn(follower.next(1e6).items)).toString(), 'abc')
  t.is(follower.rest(100).length, 0)
  t.true(follower.next(1e6).hole)
  follower.close()
})

test('nothing but a file is read', async (t) => {
  const folder = await temporaryFolder(t)
  t.throws(() => new LogFollower(join(folder, 'absent'), { startedMs }), { code: 'ENOENT' })
  const logs = new WrittenLogs(join(folder, 'x'))
  const linked = join(folder, 'y')
  const other = new WrittenLogs(linked)
  other.happen({ output: 'abc' })
  writeFileSync(join(folder, 'secret'), 'x')
  const { unlinkSync } = await import('node:fs')
  unlinkSync(join(linked, 'out'))
  symlinkSync(join(folder, 'secret'), join(linked, 'out'))
  t.throws(() => new LogFollower(linked, { startedMs }), { code: 'ELOOP' })
  t.notThrows(() => follow(logs).close())
})
