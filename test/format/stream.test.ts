import { execFileSync } from 'node:child_process'
import test from 'ava'
import fc from 'fast-check'
import { readRecording } from '../../codec/read-recording.ts'
import { tryInflate } from '../../codec/zstd.ts'
import { concatBytes } from '../../format/bytes.ts'
import { FrameScanner } from '../../format/frame-scanner.ts'
import { StreamVerifier } from '../../format/stream-verifier.ts'
import type { TimelineEvent } from '../../format/timeline.ts'
import { crypto, facts, makeIdentities, makeStream, typingEvents } from '../helpers/sample-stream.ts'

const identities = makeIdentities()
const three = await makeStream(identities, [
  typingEvents(20),
  typingEvents(15, 5000, 3e6),
  typingEvents(3, 10, 9e6),
])

function verify(bytes: Uint8Array, pieces: number[] = []) {
  const verifier = new StreamVerifier(identities.farm.publicKey, crypto)
  let at = 0
  for (const piece of pieces) {
    verifier.push(bytes.slice(at, at + piece))
    at += piece
  }
  if (at < bytes.length) verifier.push(bytes.subarray(at))
  return verifier.finish(bytes.length)
}

async function eventsOf(bytes: Uint8Array): Promise<TimelineEvent[]> {
  const events: TimelineEvent[] = []
  async function* source() {
    yield bytes
  }
  for await (const item of readRecording(source())) if (item.kind === 'events') events.push(...item.events)
  return events
}

test('zstdcat prints the timeline of a whole stream', (t) => {
  const printed = execFileSync('zstdcat', { input: three.bytes })
  t.deepEqual(new Uint8Array(printed), three.raw)
})

test('a whole stream verifies, and the report says who signed what', (t) => {
  const report = verify(three.bytes)
  t.deepEqual(report.problems, [])
  t.true(report.whole)
  t.is(report.frames, 3)
  t.is(report.rawBytes, three.raw.length)
  t.is(report.sealedBytes, three.boundaries.at(-1)! - (three.boundaries.at(-1)! - report.sealedBytes))
  t.is(report.recording, three.recording)
  t.is(report.startWallMs, facts.startedMs)
  t.is(report.signedBy?.host, 'ward-7')
  t.deepEqual(report.end, { reason: 'exit', exit: 0 })
})

test('the report is the same in whatever pieces the bytes come', (t) => {
  const whole = verify(three.bytes)
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 60 }), (pieces) => {
      t.deepEqual(verify(three.bytes, pieces), whole)
    }),
    { numRuns: 60 },
  )
  t.deepEqual(verify(three.bytes, Array(three.bytes.length).fill(1)), whole)
})

test('a cut at any byte decodes a prefix of the events, and never reports a whole recording', async (t) => {
  const all = await eventsOf(three.bytes)
  t.is(all.length, 38)
  let longest = 0
  for (let cut = 0; cut < three.bytes.length; cut += cut < 1200 ? 1 : 3) {
    const events = await eventsOf(three.bytes.subarray(0, cut))
    t.deepEqual(events, all.slice(0, events.length))
    t.true(events.length >= longest, `a longer prefix has fewer events at ${cut}`)
    longest = events.length
    t.false(verify(three.bytes.subarray(0, cut)).whole)
  }
})

test('any flipped bit is found', (t) => {
  const sealed = three.boundaries[2]!
  for (let at = 0; at < three.bytes.length; at += at < sealed ? 1 : 1) {
    const flipped = three.bytes.slice()
    flipped[at] = flipped[at]! ^ (1 << (at % 8))
    t.false(verify(flipped).whole, `byte ${at}`)
  }
})

test('swapped frames, a removed frame and a frame of another recording are found', async (t) => {
  const [a, b, c] = three.boundaries as [number, number, number]
  const first = three.bytes.subarray(0, a)
  const second = three.bytes.subarray(a, b)
  const third = three.bytes.subarray(b, c)
  const rest = three.bytes.subarray(c)
  for (const parts of [
    [first, third, second, rest],
    [first, third, rest],
    [second, third, rest],
    [first, second, second, third, rest],
  ])
    t.false(verify(concatBytes(parts)).whole)
  const other = await makeStream(makeIdentities(), [typingEvents(20), typingEvents(15, 5000, 3e6)])
  const foreign = other.bytes.subarray(other.boundaries[0]!, other.boundaries[1]!)
  const codes = verify(concatBytes([first, foreign, third, rest])).problems.map((problem) => problem.code)
  t.true(codes.includes('signature'))
})

test('a stream of another farm is not proven', (t) => {
  const stranger = new StreamVerifier(makeIdentities().farm.publicKey, crypto)
  stranger.push(three.bytes)
  const report = stranger.finish()
  t.false(report.whole)
  t.is(report.problems[0]?.code, 'certificate')
  t.is(report.signedBy, undefined)
})

test('without END the tail is unproven and the report says from where', async (t) => {
  const open = await makeStream(identities, [typingEvents(4)], { end: false })
  const torn = concatBytes([
    open.bytes,
    three.bytes.subarray(three.boundaries[0]!, three.boundaries[0]! + 200),
  ])
  const report = verify(torn)
  t.false(report.whole)
  t.is(report.unproven?.offset, open.bytes.length)
  t.is(report.unproven?.bytes, 200)
})

test('a GAP in the stream is explicit, chained and passed over by players', async (t) => {
  const gappy = await makeStream(identities, [typingEvents(4), 'gap', typingEvents(4, 1000, 5e6)])
  const report = verify(gappy.bytes)
  t.deepEqual(report.problems, [])
  t.false(report.whole)
  t.deepEqual(report.gaps, [{ fromUs: 300_000, toUs: 301_000, reason: 'crash', bytes: 7 }])
  t.is((await eventsOf(gappy.bytes)).length, 8)
  t.deepEqual(new Uint8Array(execFileSync('zstdcat', { input: gappy.bytes })), gappy.raw)
})

test('random bytes never crash the scanner, the verifier or the reader', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), fc.nat(three.bytes.length), async (noise, at) => {
      const mixed = concatBytes([three.bytes.subarray(0, at), noise, three.bytes.subarray(at)])
      if (noise.length > 0) t.false(verify(mixed).whole)
      await eventsOf(mixed).catch((error: Error) => t.is(error.name, 'FormatError', error.stack))
    }),
    { numRuns: 150 },
  )
})

test('the scanner holds no more than one record of what it was given', (t) => {
  const scanner = new FrameScanner()
  for (const byte of three.bytes) {
    scanner.push(Uint8Array.of(byte))
    while (scanner.next());
    t.true(scanner.pendingBytes <= 4104)
  }
  t.true(scanner.idle)
})

test('a frame that decodes beyond the limit is refused', (t) => {
  const bomb = execFileSync('zstd', ['-c', '--no-check'], { input: Buffer.alloc(8 * 1024 * 1024) })
  t.is(tryInflate(bomb, 1024 * 1024), undefined)
})
