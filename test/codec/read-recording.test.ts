import test from 'ava'
import fc from 'fast-check'
import { type RecordingItem, readRecording } from '../../codec/read-recording.ts'
import { concatBytes, utf8 } from '../../format/bytes.ts'
import { StreamVerifier } from '../../format/stream-verifier.ts'
import { replaceByGap } from '../../format/stream-writer.ts'
import type { TimelineEvent } from '../../format/timeline.ts'
import { crypto, makeIdentities, makeStream, typingEvents } from '../helpers/sample-stream.ts'

const identities = makeIdentities()
const frames = [typingEvents(40), typingEvents(30, 1000, 5_000_000), typingEvents(20, 1000, 9_000_000)]

async function* pieces(bytes: Uint8Array, ends: number[] = []): AsyncGenerator<Uint8Array> {
  const all = [...new Set([...ends.map((end) => end % (bytes.length + 1)), bytes.length])].sort(
    (a, b) => a - b,
  )
  let at = 0
  for (const end of all) {
    yield bytes.slice(at, end)
    at = end
  }
}

async function readAll(source: AsyncIterable<Uint8Array>): Promise<RecordingItem[]> {
  const items: RecordingItem[] = []
  for await (const item of readRecording(source)) items.push(item)
  return items
}
const eventsIn = (items: RecordingItem[]): TimelineEvent[] =>
  items.flatMap((item) => (item.kind === 'events' ? item.events : []))

test('in any pieces it is the same: header, events, end', async (t) => {
  const { bytes } = await makeStream(identities, frames)
  const whole = await readAll(pieces(bytes))
  t.deepEqual(eventsIn(whole), frames.flat())
  t.is(whole[0]?.kind, 'header')
  t.is(whole.at(-1)?.kind, 'end')
  t.true(whole.every((item) => item.kind !== 'events' || item.sealed))
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat()), async (ends) => {
      t.deepEqual(eventsIn(await readAll(pieces(bytes, ends))), frames.flat())
    }),
    { numRuns: 30 },
  )
})

test('cut at any byte it gives a beginning, and says what is not sealed (I5)', async (t) => {
  const { bytes, boundaries } = await makeStream(identities, frames)
  const all = frames.flat()
  let most = 0
  for (let cut = 0; cut <= bytes.length; cut += 13) {
    const items = await readAll(pieces(bytes.subarray(0, cut)))
    const events = eventsIn(items)
    t.deepEqual(events, all.slice(0, events.length), `cut at ${cut}`)
    t.true(events.length >= most)
    most = events.length
    const sealed = items.flatMap((item) => (item.kind === 'events' && item.sealed ? item.events : []))
    const passed = boundaries.filter((boundary) => boundary <= cut).length
    t.true(sealed.length >= frames.slice(0, passed).flat().length, `cut at ${cut}`)
  }
})

test('over a GAP in the stream, and over one that took the place of a frame', async (t) => {
  const inline = await makeStream(identities, [frames[0]!, 'gap', frames[1]!])
  const items = await readAll(pieces(inline.bytes))
  t.deepEqual(
    items.map(({ kind }) => kind),
    ['header', 'events', 'gap', 'events', 'end'],
  )

  const { bytes, boundaries, recording } = await makeStream(identities, frames)
  const [from = 0, to = 0] = boundaries
  const verifier = new StreamVerifier(identities.farm.publicKey, crypto)
  verifier.push(bytes.subarray(0, from))
  const previous = verifier.chain
  const gap = replaceByGap(
    { recording, fromUs: 0, toUs: 1, reason: 'expired', previous },
    to - from,
    identities.agent,
  )
  const replaced = concatBytes([
    bytes.subarray(0, from),
    gap,
    new Uint8Array(to - from - gap.length),
    bytes.subarray(to),
  ])
  t.deepEqual(eventsIn(await readAll(pieces(replaced))), [...frames[0]!, ...frames[2]!])
})

test('what is no recording is refused with a code and a place', async (t) => {
  const error = await t.throwsAsync(readAll(pieces(utf8('{"version": 2, "width": 80, "height": 24}\n'))), {
    code: 'magic',
  })
  t.is((error as { offset?: number }).offset, 0)
  t.deepEqual(await readAll(pieces(new Uint8Array(0))), [])
  const { bytes } = await makeStream(identities, frames)
  await t.throwsAsync(readAll(pieces(concatBytes([bytes, utf8('more')]))), { code: 'magic' })
})
