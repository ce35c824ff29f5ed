import { readFile } from 'node:fs/promises'
import test from 'ava'
import { checkScreen } from '../../codec/check-screen.ts'
import { openZstdBody, screenZstd } from '../../codec/zstd.ts'
import { encodeBlock, fbsHeader } from '../../format/fbs.ts'
import { encodeHandshake, encodeServerInit } from '../../format/server-init.ts'
import { StreamWriter } from '../../format/stream-writer.ts'
import { crypto, facts, makeIdentities, sampleId } from '../helpers/sample-stream.ts'

const golden = new URL('../format/golden/v1-two-frames.rfb.zst', import.meta.url)

async function* once(bytes: Uint8Array) {
  yield bytes
}

test('a screen that keeps the rules', async (t) => {
  t.deepEqual(await checkScreen(once(await readFile(golden))), [])
})

test('a signed frame whose blocks break them is named, and the next one looked at', async (t) => {
  const { agent: signer, certificate } = makeIdentities()
  const writer = new StreamWriter({
    recording: sampleId(),
    stream: 'rfb',
    signer,
    sha256: crypto.sha256,
    certificate,
    facts: { ...facts, type: 'desktop' },
  })
  const init = encodeServerInit({ width: 2, height: 1, name: 'x' })
  const size = [0, 0, 0, 0, 0, 2, 0, 1, 255, 255, 255, 33]
  const raw = (x: number) => [0, x, 0, 0, 0, 2, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]
  const update = (x: number) => encodeBlock(Uint8Array.from([0, 0, 0, 2, ...size, ...raw(x)]), 0)
  const pieces: Uint8Array[] = []
  const offsets: number[] = []
  for (const x of [0, 1, 0]) {
    const body = openZstdBody(screenZstd)
    const head = writer.head({ startUs: 0, wallMs: 0, init })
    if (pieces.length === 0) {
      await body.write(fbsHeader)
      await body.write(encodeBlock(encodeHandshake(init), 0))
    }
    await body.write(update(x))
    const compressed = await body.end()
    writer.body(compressed)
    offsets.push(pieces.reduce((sum, { length }) => sum + length, 0) + head.length)
    pieces.push(head, compressed, writer.seal({ endUs: 0, rawBytes: 100 }))
  }
  const problems = await checkScreen(once(Buffer.concat(pieces)))
  t.deepEqual(
    problems.map(({ code, offset }) => [code, offset]),
    [['rfb-rectangle', offsets[1]]],
  )
})
