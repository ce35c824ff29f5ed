import test from 'ava'
import fc from 'fast-check'
import { openZstdBody, tryInflate } from '../../codec/zstd.ts'
import { concatBytes, equalBytes, utf8 } from '../../format/bytes.ts'
import { repairBody } from '../../format/repair.ts'

const raws = Array.from({ length: 30 }, (_, i) =>
  utf8(`[${i}.000000, "o", "line ${i} ${'x'.repeat(i * 7)}\\r\\n"]\n`),
)
const body = openZstdBody()
const flushed: Uint8Array[] = []
for (const raw of raws) {
  await body.write(raw)
  flushed.push(await body.flush())
}
flushed.push(await body.end())
const whole = concatBytes(flushed)
const content = concatBytes(raws)
const isPrefix = (bytes: Uint8Array) => equalBytes(bytes, content.subarray(0, bytes.length))

test('a torn BODY decodes up to the last flush that is whole', (t) => {
  let end = 0
  flushed.slice(0, -1).forEach((piece, i) => {
    end += piece.length
    for (const cut of [end, end + 1, end + 2]) {
      const repaired = repairBody(whole.subarray(0, cut), tryInflate)
      t.is(repaired?.raw.length, concatBytes(raws.slice(0, i + 1)).length, `cut at ${cut}`)
      t.deepEqual(tryInflate(repaired!.body), repaired!.raw)
    }
  })
})

test('zero-filled tails, wherever they begin, give a prefix and never invented bytes', (t) => {
  for (let cut = 0; cut <= whole.length; cut++) {
    for (const zeros of [1, 2, 3, 5, 4096]) {
      const repaired = repairBody(concatBytes([whole.subarray(0, cut), new Uint8Array(zeros)]), tryInflate)
      if (repaired) t.true(isPrefix(repaired.raw), `cut ${cut} zeros ${zeros}`)
    }
  }
})

test('bytes that were whole before the zeros are kept: what was sent stays the same', (t) => {
  let end = 0
  for (const piece of flushed.slice(0, -1)) {
    end += piece.length
    const repaired = repairBody(concatBytes([whole.subarray(0, end), new Uint8Array(512)]), tryInflate)
    t.is(repaired?.keptBytes, end)
    t.deepEqual(repaired?.body.subarray(0, end), whole.subarray(0, end))
  }
})

test('a closed BODY is left as it is', (t) => {
  const repaired = repairBody(whole, tryInflate)
  t.is(repaired?.body, whole)
  t.deepEqual(new Uint8Array(repaired!.raw), content)
})

test('noise behind a torn BODY is cut', (t) => {
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.uint8Array({ minLength: 1, maxLength: 64 }), (cut, noise) => {
      const repaired = repairBody(concatBytes([whole.subarray(0, cut), noise]), tryInflate)
      if (repaired) t.deepEqual(new Uint8Array(tryInflate(repaired.body)!), new Uint8Array(repaired.raw))
    }),
  )
})
