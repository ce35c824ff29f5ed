import { existsSync, readdirSync, readFileSync } from 'node:fs'
import test from 'ava'
import { AsciicastReader } from '../../format/asciicast-reader.ts'
import { AsciicastWriter } from '../../format/asciicast-writer.ts'
import { concatBytes, utf8 } from '../../format/bytes.ts'
import { FormatError } from '../../format/format-error.ts'
import type { TimelineEvent } from '../../format/timeline.ts'

const folder = new URL('../../../shared/data/asciicast/', import.meta.url)
const files = existsSync(folder) ? readdirSync(folder).filter((name) => /^v[123]-/.test(name)) : []
if (files.length === 0)
  console.log(`asciicast files of others are not here (${folder.pathname}): only our own are tested`)

function read(bytes: Uint8Array, piece = bytes.length) {
  const reader = new AsciicastReader()
  const events: TimelineEvent[] = []
  for (let at = 0; at < bytes.length; at += piece) events.push(...reader.push(bytes.slice(at, at + piece)))
  events.push(...reader.finish())
  return { header: reader.header, version: reader.version, events }
}

// A theme that is wrong is not ours to judge: it is kept as it is.
const good =
  /-(full|minimal|single-event|no-events|blank-lines|blank-lines-and-comments|int-time|zero-time|empty-theme|invalid-theme|screenshot)\.(json|cast)$/

for (const name of files) {
  const bytes = new Uint8Array(readFileSync(new URL(name, folder)))
  if (good.test(name)) {
    test(`${name} is read, in any pieces`, (t) => {
      const whole = read(bytes)
      t.is(whole.version, Number(name[1]) as 1 | 2 | 3)
      t.true(whole.header!.width >= 80)
      t.deepEqual(read(bytes, 1), whole)
      t.deepEqual(read(bytes, 7), whole)
      if (!name.includes('no-events')) t.regex(whole.events[0]!.data, /^foo/)
    })
  } else {
    test(`${name} is refused with a code`, (t) => {
      const error = t.throws(() => read(bytes), { instanceOf: FormatError })
      t.regex(error.code, /^cast-/)
      t.log(error.message)
    })
  }
}

const events: TimelineEvent[] = [
  { timeUs: 1, code: 'o', data: 'żółć \udcff jaźń\u0000\u001b[0m' },
  { timeUs: 1_500_000, code: 'r', data: '100x40' },
  { timeUs: 1_500_001, code: 'm', data: 'here' },
  { timeUs: 7_200_000_000, code: 'o', data: 'late' },
]

for (const version of [1, 2, 3] as const) {
  test(`what is written as version ${version} is read back`, (t) => {
    const writer = new AsciicastWriter({ version, exact: true })
    const parts = [writer.header({ version: 2, width: 90, height: 30, timestamp: 5, env: { TERM: 'xterm' } })]
    for (const event of events) parts.push(writer.event(event))
    parts.push(writer.finish())
    const back = read(concatBytes(parts))
    t.is(back.header?.width, 90)
    t.deepEqual(back.events, version === 1 ? events.filter((event) => event.code === 'o') : events)
  })
}

test('without exact the text is well-formed Unicode', (t) => {
  const line = new AsciicastWriter({ version: 2, exact: false }).event(events[0]!)
  t.deepEqual(JSON.parse(new TextDecoder().decode(line)), [0.000001, 'o', 'żółć \ufffd jaźń\u0000\u001b[0m'])
})

test('a line of 10 MB is refused, not held', (t) => {
  const reader = new AsciicastReader()
  reader.push(utf8('{"version":2,"width":80,"height":24}\n[0.1,"o","'))
  const chunk = new Uint8Array(1024 * 1024).fill(97)
  const error = t.throws(
    () => {
      for (let i = 0; i < 10; i++) reader.push(chunk)
    },
    { instanceOf: FormatError },
  )
  t.is(error.code, 'line-size')
})
