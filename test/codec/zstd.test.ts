import { execFileSync } from 'node:child_process'
import { zstdCompressSync } from 'node:zlib'
import test from 'ava'
import fc from 'fast-check'
import { inflateFrame, openZstdBody, rawFrameBytesMax, tryInflate } from '../../codec/zstd.ts'
import { concatBytes } from '../../format/bytes.ts'
import { repairBody } from '../../format/repair.ts'
import { blockEnds } from '../../format/zstd-blocks.ts'

test('whatever was written before a flush decodes from what the flush gave', async (t) => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.uint8Array({ maxLength: 3000 }) },
    { weight: 1, arbitrary: fc.constant(Buffer.alloc(300_000, 'abc')) },
    { weight: 2, arbitrary: fc.constant('flush' as const) },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const body = openZstdBody()
      const raw: Uint8Array[] = []
      const out: Uint8Array[] = []
      for (const each of steps) {
        if (each !== 'flush') {
          raw.push(each)
          await body.write(each)
          continue
        }
        out.push(await body.flush())
        const written = concatBytes(out)
        if (concatBytes(raw).length === 0) continue
        const { ends } = blockEnds(written)
        t.is(ends.at(-1)?.end, written.length)
        // Known to be as written: else zeros at its end may be a disk's.
        const repaired = repairBody(written, tryInflate, written.length)
        t.is(Buffer.compare(repaired!.raw, concatBytes(raw)), 0)
        if (written.at(-1) !== 0)
          t.is(Buffer.compare(repairBody(written, tryInflate)!.raw, concatBytes(raw)), 0)
      }
      out.push(await body.end())
      t.is(Buffer.compare(await inflateFrame(concatBytes(out)), concatBytes(raw)), 0)
    }),
    { numRuns: 40, examples: [[[new Uint8Array(1), 'flush']]] },
  )
})

test('the system’s zstd reads a body, which has a window of 128 KiB and no checksum', async (t) => {
  const body = openZstdBody()
  const raw = Buffer.from('typing, typing, typing\n'.repeat(20_000))
  await body.write(raw)
  const frame = concatBytes([await body.flush(), await body.end()])
  t.deepEqual([...frame.subarray(0, 4)], [0x28, 0xb5, 0x2f, 0xfd])
  // Descriptor: neither single segment, nor checksum, nor dictionary, nor size; then the window's exponent.
  t.is(frame[4], 0)
  t.is(frame[5]! >> 3, 17 - 10)
  try {
    t.is(Buffer.compare(execFileSync('zstd', ['-dcq'], { input: frame, maxBuffer: 1e8 }), raw), 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    t.log('skipped: there is no zstd here')
  }
})

test('a compressor that is thrown away does not hang or throw later', async (t) => {
  const body = openZstdBody()
  await body.write(new Uint8Array(100_000))
  body.close()
  body.close()
  await t.throwsAsync(body.write(new Uint8Array(1)))
  await t.throwsAsync(body.flush())
  await new Promise(setImmediate)
  t.pass()
})

test('bombs and garbage are refused with a code', async (t) => {
  const bomb = zstdCompressSync(Buffer.alloc(rawFrameBytesMax + 1))
  t.true(bomb.length < 10_000)
  await t.throwsAsync(inflateFrame(bomb), { code: 'raw-size' })
  t.is(tryInflate(bomb), undefined)
  t.is((await inflateFrame(zstdCompressSync(Buffer.alloc(1000)), 1000)).length, 1000)
  await t.throwsAsync(inflateFrame(zstdCompressSync(Buffer.alloc(1001)), 1000), { code: 'raw-size' })
  await t.throwsAsync(inflateFrame(Buffer.from('no zstd at all')), { code: 'zstd' })
  await fc.assert(
    fc.asyncProperty(fc.nat(60), fc.nat(255), async (at, byte) => {
      const frame = zstdCompressSync(Buffer.from('some text that is compressed, some text'))
      frame[at % frame.length] = byte
      const raw = await inflateFrame(frame).catch((error) => error.code)
      t.true(typeof raw === 'string' ? raw === 'zstd' || raw === 'raw-size' : raw.length < 1e6)
    }),
  )
})
