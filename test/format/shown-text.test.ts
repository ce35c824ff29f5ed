import test from 'ava'
import { ShownText } from '../../format/shown-text.ts'

const events = [
  ['o', 'a\nb\r\nc'],
  ['e', '{"kind":"stderr"}'],
  ['o', 'wrong\n'],
  ['o', 'right\n'],
  ['i', 'typed\n'],
].map(([code = '', data = ''], timeUs) => ({ timeUs, code, data }))

test('a command’s lines begin at the left, and its errors have their colour', (t) => {
  const output = new ShownText(true)
  t.deepEqual(
    events.map((event) => output.take(event)),
    ['a\r\nb\r\nc', undefined, '\u001b[31mwrong\r\n\u001b[39m', 'right\r\n', undefined],
  )
})

test('what a terminal printed is left alone', (t) => {
  const output = new ShownText(false)
  t.deepEqual(
    events.map((event) => output.take(event)),
    ['a\nb\r\nc', undefined, 'wrong\n', 'right\n', undefined],
  )
})
