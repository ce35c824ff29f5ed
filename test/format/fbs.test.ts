import test from 'ava'
import fc from 'fast-check'
import { concatBytes } from '../../format/bytes.ts'
import {
  blockBytesMax,
  encodeBlock,
  FbsReader,
  fbsHeader,
  UpdateBlock,
  wholeBlockBytes,
} from '../../format/fbs.ts'
import { FormatError } from '../../format/format-error.ts'
import { encoding } from '../../format/rfb-reader.ts'
import { encodeHandshake, encodeServerInit, parseServerInit } from '../../format/server-init.ts'

test('blocks come back from any pieces, and their ends are known', (t) => {
  const block = fc.record({ bytes: fc.uint8Array({ maxLength: 40 }), timeMs: fc.nat() })
  fc.assert(
    fc.property(
      fc.array(block, { maxLength: 6 }),
      fc.integer({ min: 1, max: 50 }),
      fc.nat(20),
      (blocks, size, tail) => {
        const whole = concatBytes([
          fbsHeader,
          ...blocks.map(({ bytes, timeMs }) => encodeBlock(bytes, timeMs)),
        ])
        const torn = concatBytes([whole, encodeBlock(new Uint8Array(20), 1).subarray(0, tail)])
        t.is(wholeBlockBytes(torn, true), whole.length)
        const reader = new FbsReader({ headerExpected: true })
        const read = []
        for (let at = 0; at < torn.length; at += size)
          for (const { bytes, timeMs } of reader.push(torn.subarray(at, at + size)))
            read.push({ bytes: new Uint8Array(bytes), timeMs })
        t.deepEqual(read, blocks)
        t.is(reader.pendingBytes, tail)
      },
    ),
    {
      numRuns: 300,
      examples: [
        [
          [
            { bytes: new Uint8Array(0), timeMs: 1 },
            { bytes: new Uint8Array(3), timeMs: 2 },
          ],
          7,
          0,
        ],
      ],
    },
  )
})

test('what is no FBS, and a block that claims too much, are refused', (t) => {
  const code = (bytes: Uint8Array, headerExpected: boolean) =>
    t.throws<FormatError>(() => [...new FbsReader({ headerExpected }).push(bytes)], {
      instanceOf: FormatError,
    })?.code
  t.is(code(new Uint8Array(12), true), 'fbs')
  t.is(code(new Uint8Array([0x7f, 0, 0, 0]), false), 'fbs')
})

test('an update block holds what was added, never more than its room, and is used again', (t) => {
  const block = new UpdateBlock()
  const area = { x: 1, y: 2, width: 3, height: 1 }
  block.add(area, encoding.raw, 12).fill(7)
  block.add(area, encoding.copyRect, 4).fill(8)
  block.takeBack()
  const bytes = block.close(1234).slice()
  t.snapshot(Buffer.from(bytes).toString('hex'))
  t.true(block.isEmpty)
  block.add(area, encoding.raw, block.room)
  t.is(block.close(5).length, blockBytesMax)
  block.add(area, encoding.raw, block.room)
  t.throws(() => block.add(area, encoding.raw, 1), { instanceOf: FormatError })
})

test('ServerInit comes back, with its name cut between characters', (t) => {
  t.deepEqual(parseServerInit(encodeServerInit({ width: 1600, height: 1000, name: 'ada@ward-7' })), {
    width: 1600,
    height: 1000,
    name: 'ada@ward-7',
  })
  t.is(parseServerInit(encodeServerInit({ width: 1, height: 1, name: 'ü'.repeat(100) })).name, 'ü'.repeat(48))
  t.is(
    parseServerInit(encodeServerInit({ width: 1, height: 1, name: `a${'ü'.repeat(100)}` })).name.length,
    48,
  )
  const handshake = encodeHandshake(encodeServerInit({ width: 2, height: 3, name: 'x' }))
  t.throws(() => parseServerInit(handshake), { instanceOf: FormatError })
  t.snapshot(Buffer.from(handshake).toString('hex'))
})
