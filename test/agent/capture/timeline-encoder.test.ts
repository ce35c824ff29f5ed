import test from 'ava'
import fc from 'fast-check'
import type { LogItem } from '../../../agent/capture/log-follower.ts'
import { TimelineEncoder } from '../../../agent/capture/timeline-encoder.ts'
import { concatBytes, utf8 } from '../../../format/bytes.ts'
import { bytesOfText } from '../../../format/output-text.ts'
import { parseEvent, type TimelineEvent } from '../../../format/timeline.ts'

const events = (lines: Uint8Array[]): TimelineEvent[] =>
  lines.map((line) => {
    const text = Buffer.from(line).toString()
    if (!text.endsWith('\n')) throw new Error('A line has no end.')
    return parseEvent(text.slice(0, -1))
  })
const bytesOf = (all: TimelineEvent[]) =>
  concatBytes(all.flatMap(({ code, data }) => (code === 'o' ? [bytesOfText(data)] : [])))

const hostile = fc.oneof(
  fc.uint8Array({ maxLength: 12 }),
  fc.string({ unit: 'grapheme', maxLength: 6 }).map(utf8),
  fc.constantFrom('é', '語', '🎉', '\u001b[1m', '\r\n', '\ud7ff', '\uffff').map(utf8),
  fc
    .constantFrom(
      [0xed, 0xa0, 0x80],
      [0xf4, 0x90, 0x80, 0x80],
      [0xc0, 0xaf],
      [0xef, 0xbb, 0xbf],
      [0xf0, 0x9f],
    )
    .map((bytes) => Uint8Array.from(bytes)),
)

test('any bytes, cut anywhere, come back exactly', (t) => {
  fc.assert(
    fc.property(fc.array(hostile), fc.array(fc.nat()), fc.array(fc.nat(5000)), (parts, cuts, deltas) => {
      const bytes = concatBytes(parts)
      const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
      const encoder = new TimelineEncoder()
      let timeUs = 0
      const all: TimelineEvent[] = []
      ends.forEach((end, i) => {
        timeUs += deltas[i] ?? 100
        const item: LogItem = { kind: 'output', timeUs, bytes: bytes.subarray(ends[i - 1] ?? 0, end) }
        all.push(...events(encoder.encode(item.bytes.length > 0 ? [item] : [])))
      })
      all.push(...events(encoder.finish(timeUs)))
      t.false(encoder.holds)
      t.deepEqual(bytesOf(all), bytes)
    }),
    { numRuns: 300 },
  )
})

test('text in pieces of a byte: no character is divided between two events', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const encoder = new TimelineEncoder()
      const all: TimelineEvent[] = []
      for (const [i, byte] of utf8(text).entries())
        all.push(
          ...events(encoder.encode([{ kind: 'output', timeUs: i * 10_000, bytes: Uint8Array.of(byte) }])),
        )
      t.false(encoder.holds)
      t.true(all.every(({ data }) => data.isWellFormed()))
      t.is(all.map(({ data }) => data).join(''), text.toWellFormed())
    }),
  )
})

test('output within a moment is one event, and a resize stands where it happened', (t) => {
  const at = (timeUs: number, text: string): LogItem => ({ kind: 'output', timeUs, bytes: utf8(text) })
  const lines = new TimelineEncoder().encode([
    at(1000, 'a'),
    at(2500, 'b'),
    at(3001, 'c'),
    { kind: 'resize', timeUs: 3002, columns: 100, rows: 30 },
    at(3003, 'd'),
    { kind: 'signal', timeUs: 3004, signal: 15 },
    { kind: 'exit', timeUs: 3005, code: 1 },
  ])
  t.deepEqual(events(lines), [
    { timeUs: 1000, code: 'o', data: 'ab' },
    { timeUs: 3001, code: 'o', data: 'c' },
    { timeUs: 3002, code: 'r', data: '100x30' },
    { timeUs: 3003, code: 'o', data: 'd' },
  ])
})

test('ten megabytes in one go become lines of bounded size, without a cut character', (t) => {
  const bytes = Buffer.from('語🎉x'.repeat(1_300_000))
  const encoder = new TimelineEncoder()
  const lines = [...encoder.encode([{ kind: 'output', timeUs: 0, bytes }]), ...encoder.finish(0)]
  t.true(lines.every((line) => line.length <= 512 * 1024))
  const all = events(lines)
  t.true(all.every(({ data }) => data.isWellFormed()))
  t.is(Buffer.compare(bytesOf(all), bytes), 0)
  // The worst there is: every byte an escape of six characters.
  const worst = new TimelineEncoder().encode([
    { kind: 'output', timeUs: 0, bytes: new Uint8Array(1e6).fill(0xff) },
  ])
  t.true(worst.every((line) => line.length <= 512 * 1024))
})
