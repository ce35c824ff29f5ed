import test from 'ava'
import fc from 'fast-check'
import { utf8 } from '../../format/bytes.ts'
import { isRecordingId, makeRecordingId, recordingPath, recordingStartMs } from '../../format/recording-id.ts'
import { parseRecord } from '../../format/records.ts'
import { seconds } from '../../format/timeline.ts'

test('an id carries its start and names its folder', (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 4e12 }),
      fc.uint8Array({ minLength: 10, maxLength: 10 }),
      (ms, random) => {
        const id = makeRecordingId(ms, random)
        t.true(isRecordingId(id))
        t.is(recordingStartMs(id), ms)
        t.is(recordingPath(id), `${new Date(ms).toISOString().slice(0, 10).replaceAll('-', '/')}/${id}`)
      },
    ),
  )
})

test('path tricks are no ids', (t) => {
  for (const trick of [
    '../../etc/passwd',
    '..',
    '',
    '0190e2b4-1111-7111-8111-111111111111/..',
    '0190E2B4-1111-7111-8111-111111111111',
    '0190e2b4-1111-7111-8111-11111111111\u0000',
    null,
    {},
  ])
    t.false(isRecordingId(trick))
})

test('a record of a newer version is refused by name', (t) => {
  t.throws(() => parseRecord('seal', utf8('{"v":2}')), { code: 'version', message: /2 is newer/ })
})

test('HEADs that no writer makes give a clear error and nothing else', (t) => {
  const tricks = [
    '',
    'null',
    '[]',
    '{"v":1}',
    '{"v":1,"recording":"../x","stream":"cast","frame":0,"start":0,"wall":0,"offset":0}',
    '{"__proto__":{"v":1}}',
    '1e999',
    '{"v":1,"recording":{}}',
  ]
  for (const trick of tricks) t.throws(() => parseRecord('head', utf8(trick), 7), { name: 'FormatError' })
  fc.assert(
    fc.property(fc.json(), (json) => {
      t.throws(() => parseRecord('head', utf8(json)), { name: 'FormatError' })
    }),
  )
})

test('times have six decimals, exactly', (t) => {
  t.is(seconds(0), '0.000000')
  t.is(seconds(1), '0.000001')
  t.is(seconds(86_400_000_001), '86400.000001')
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e14 }), (us) => t.is(Math.round(Number(seconds(us)) * 1e6), us)),
  )
})
