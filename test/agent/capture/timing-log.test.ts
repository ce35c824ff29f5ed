import test from 'ava'
import fc from 'fast-check'
import { DamagedLogError, type TimingEntry, TimingParser } from '../../../agent/capture/timing-log.ts'

const log = [
  'H 0.000000 START_TIME 2026-11-25 01:21:24+00:00',
  'H 0.000000 COMMAND printf \xe9\xff',
  'O 0.095101 17',
  'S 0.004000 SIGWINCH ROWS=40 COLS=120',
  'O 12.000009 4095',
  'S 0.500000 SIGTERM',
  'H 0.000000 DURATION 1.5',
  'H 0.000000 EXIT_CODE 143',
  '',
].join('\n')

const shown = (entries: TimingEntry[]) => entries.filter(({ kind }) => kind !== 'other')

test('the lines of script, with absolute times in exact microseconds', (t) => {
  const entries = new TimingParser(5).push(log)
  t.deepEqual(shown(entries), [
    { kind: 'output', timeUs: 95_106, bytes: 17, lineBytes: 14 },
    { kind: 'resize', timeUs: 99_106, columns: 120, rows: 40, lineBytes: 37 },
    { kind: 'output', timeUs: 12_099_115, bytes: 4095, lineBytes: 17 },
    { kind: 'signal', timeUs: 12_599_115, signal: 15, lineBytes: 19 },
    { kind: 'exit', timeUs: 12_599_115, code: 143, lineBytes: 25 },
  ])
  // A byte of the log is a byte, whatever it is.
  t.is(
    entries.reduce((sum, entry) => sum + entry.lineBytes, 0),
    log.length,
  )
})

test('in any pieces it says the same', (t) => {
  const whole = new TimingParser().push(log)
  fc.assert(
    fc.property(fc.array(fc.nat(log.length), { maxLength: 20 }), (cuts) => {
      const parser = new TimingParser()
      const ends = [...cuts, log.length].sort((a, b) => a - b)
      const entries = ends.flatMap((end, i) => parser.push(log.slice(ends[i - 1] ?? 0, end)))
      t.deepEqual(entries, whole)
    }),
  )
})

test('a reader that starts behind any line goes on as the first did', (t) => {
  const lines = log.split(/(?<=\n)/)
  for (let i = 0; i < lines.length; i++) {
    const first = new TimingParser()
    const before = first.push(lines.slice(0, i).join(''))
    const second = new TimingParser(first.timeUs)
    t.deepEqual([...before, ...second.push(lines.slice(i).join(''))], new TimingParser().push(log))
  }
})

test('a line that a full disk cut, with the next one behind it: what is whole counts, what is not is told', (t) => {
  const line = 'O 0.000123 4096'
  for (let cut = 1; cut < line.length; cut++) {
    const parser = new TimingParser()
    const entries = parser.push(`O 1.000000 1\n${line.slice(0, cut)}O 2.000000 5\nO 1.000000 2\n`)
    t.deepEqual(
      entries.map((entry) => [entry.kind, 'bytes' in entry ? entry.bytes : entry.lineBytes]),
      [
        ['output', 1],
        ['lost', cut],
        ['output', 5],
        ['output', 2],
      ],
      `cut at ${cut}`,
    )
    t.is(parser.timeUs, 4_000_000)
  }
})

test('whatever lies in the log, every byte is counted once and time does not run backwards', (t) => {
  const piece = fc.oneof(
    fc.string({ unit: 'binary-ascii' }),
    fc.constantFrom(
      'O 0.1',
      'O 0.000001 5',
      'S 0.000001 SIGWINCH ROWS=0 COLS=x',
      '\n',
      'H 0.000000 ',
      '\0\0\0',
    ),
  )
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const text = `${pieces.join('')}\n`
      const entries = new TimingParser().push(text)
      t.is(
        entries.reduce((sum, entry) => sum + entry.lineBytes, 0),
        text.length,
      )
      entries.reduce((before, entry) => {
        t.true(entry.timeUs >= before)
        return entry.timeUs
      }, 0)
    }),
  )
})

test('a log without lines is refused before it fills the memory', (t) => {
  const parser = new TimingParser()
  t.throws(
    () => {
      for (let i = 0; i < 100; i++) parser.push('\0'.repeat(4096))
    },
    { instanceOf: DamagedLogError, code: 'timing-log' },
  )
})
