import { execFileSync } from 'node:child_process'
import test from 'ava'
import fc from 'fast-check'
import { utf8 } from '../../format/bytes.ts'
import { bytesOfText, textOfBytes, wholeCharacterBytes } from '../../format/output-text.ts'

const nasty = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 20 }).map(utf8),
  fc
    .array(fc.constantFrom(0xc0, 0xc2, 0xe0, 0xe2, 0xed, 0xa0, 0xf0, 0xf4, 0x80, 0x90, 0xbf, 0x41), {
      maxLength: 12,
    })
    .map((a) => Uint8Array.from(a)),
)

test('any bytes come back from their text, also through JSON', (t) => {
  fc.assert(
    fc.property(nasty, (bytes) => {
      const text = textOfBytes(bytes)
      t.deepEqual(bytesOfText(text), new Uint8Array(bytes))
      t.is(JSON.parse(JSON.stringify(text)), text)
    }),
    { numRuns: 2000 },
  )
})

test("the text is what Python's surrogateescape makes", (t) => {
  const samples = [
    [0xff, 0x41],
    [0xe2, 0x82],
    [0xed, 0xa0, 0x80],
    [0xf0, 0x9f, 0x98, 0x80, 0x80],
    [0xc0, 0xaf],
    [0xef, 0xbb, 0xbf],
  ]
  for (const sample of samples) {
    const script = `import sys,json; print(json.dumps(bytes(${JSON.stringify(sample)}).decode("utf-8","surrogateescape")))`
    const expected: string = JSON.parse(execFileSync('python3', ['-c', script], { encoding: 'utf8' }))
    t.is(textOfBytes(Uint8Array.from(sample)), expected)
  }
})

test('a character is held back until it is whole, and never longer', (t) => {
  const euro = utf8('€')
  t.is(wholeCharacterBytes(euro.subarray(0, 2)), 0)
  t.is(wholeCharacterBytes(euro), 3)
  t.is(wholeCharacterBytes(Uint8Array.of(0x41, 0xf0, 0x9f)), 1)
  t.is(wholeCharacterBytes(Uint8Array.of(0x80, 0x80)), 2, 'stray continuations wait for nothing')
  t.is(wholeCharacterBytes(Uint8Array.of(0xed, 0xa0)), 2, 'an encoded surrogate never becomes whole')
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), fc.nat(), (text, cut) => {
      const bytes = utf8(text.toWellFormed())
      const head = bytes.subarray(0, cut % (bytes.length + 1))
      const kept = wholeCharacterBytes(head)
      t.true(head.length - kept <= 3)
      t.true(textOfBytes(head.subarray(0, kept)).isWellFormed())
    }),
  )
})
