import { readFile } from 'node:fs/promises'
import test from 'ava'
import { checkScreen } from '../../codec/check-screen.ts'
import { filled, makeScreenStream, opening, update } from '../helpers/sample-screen.ts'
import { makeIdentities } from '../helpers/sample-stream.ts'

const golden = new URL('../format/golden/v1-two-frames.rfb.zst', import.meta.url)

async function* once(bytes: Uint8Array) {
  yield bytes
}

test('a screen that keeps the rules', async (t) => {
  t.deepEqual(await checkScreen(once(await readFile(golden))), [])
})

test('a signed frame whose blocks break them is named once, and the next one looked at', async (t) => {
  const size = { width: 2, height: 1 }
  const frame = (startS: number, ...updates: Uint8Array[]) => ({
    startUs: startS * 1e6,
    size,
    updates: [opening(size, 0x123456), ...updates].map((bytes) => ({ timeMs: startS * 1000, bytes })),
  })
  const outside = update(filled({ x: 1, y: 0, ...size }, 0))
  const { bytes, boundaries } = await makeScreenStream(makeIdentities(), [
    frame(0),
    frame(1, outside, outside),
    { ...frame(2), body: Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58, 0x0d, 0, 0, 1]) },
    frame(3),
    frame(4, outside),
  ])
  const problems = await checkScreen(once(bytes))
  t.deepEqual(
    problems.map(({ code, offset }) => [code, offset]),
    [
      ['rfb-rectangle', boundaries[0]],
      ['zstd', boundaries[1]],
      ['rfb-rectangle', boundaries[3]],
    ],
  )
})
