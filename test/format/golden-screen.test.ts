import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { publicKeyFromPem } from '../../codec/ed25519.ts'
import { openZstdBody, screenZstd } from '../../codec/zstd.ts'
import { concatBytes } from '../../format/bytes.ts'
import { encodeBlock, fbsHeader, UpdateBlock } from '../../format/fbs.ts'
import { encoding } from '../../format/rfb-reader.ts'
import { encodeHandshake, encodeServerInit } from '../../format/server-init.ts'
import { StreamVerifier } from '../../format/stream-verifier.ts'
import { StreamWriter } from '../../format/stream-writer.ts'
import { fbsBlocks, replay, zstdcat } from '../helpers/replay.ts'
import { crypto, facts, makeIdentities, sampleId } from '../helpers/sample-stream.ts'

// As golden.test.ts, for a screen: two frames of two sizes with every rectangle that a lossless one has.

const path = fileURLToPath(new URL('golden/v1-two-frames.rfb.zst', import.meta.url))
const farmPem = readFileSync(new URL('golden/farm.pem', import.meta.url), 'utf8')

async function makeScreen(): Promise<Uint8Array> {
  const { agent: signer, certificate } = makeIdentities(farmPem)
  const { sha256 } = crypto
  const recording = sampleId(2)
  const writer = new StreamWriter({ recording, stream: 'rfb', signer, sha256, certificate, facts })
  const block = new UpdateBlock()
  const parts: Uint8Array[] = []
  for (const [i, [width, height]] of (
    [
      [40, 30],
      [64, 20],
    ] as const
  ).entries()) {
    const startUs = i * 3_000_000
    const init = encodeServerInit({ width, height, name: 'ada@ward-7' })
    parts.push(writer.head({ startUs, wallMs: facts.startedMs + startUs / 1000, init }))
    const raws: Uint8Array[] = i === 0 ? [fbsHeader, encodeBlock(encodeHandshake(init), 0)] : []
    block.add({ x: 0, y: 0, width, height }, encoding.desktopSize, 0)
    const picture = block.add({ x: 0, y: 0, width, height }, encoding.raw, width * height * 4)
    picture.forEach((_, at) => {
      picture[at] = (at * (i + 3)) & 0xff
    })
    raws.push(block.close(startUs / 1000).slice())
    block.add({ x: 8, y: 8, width: 10, height: 10 }, encoding.copyRect, 4).set([0, 1, 0, 2])
    block.add({ x: 1, y: 1, width: 3, height: 1 }, encoding.raw, 12).fill(0x7f)
    raws.push(block.close(startUs / 1000 + 100).slice())
    const raw = concatBytes(raws)
    const body = openZstdBody(screenZstd(width * height * 4))
    await body.write(raw)
    const compressed = await body.end()
    writer.body(compressed)
    parts.push(compressed, writer.seal({ endUs: startUs + 100_000, rawBytes: raw.length }))
  }
  parts.push(...writer.end({ endUs: 3_100_000, reason: 'exit' }))
  return concatBytes(parts)
}

test('v1-two-frames.rfb.zst', async (t) => {
  if (!existsSync(path)) writeFileSync(path, await makeScreen())
  const verifier = new StreamVerifier(publicKeyFromPem(farmPem), crypto)
  verifier.push(readFileSync(path))
  t.snapshot(verifier.finish(), 'what verify reports')
  const blocks = fbsBlocks(await zstdcat(path))
  t.snapshot(
    blocks.map(({ timeMs, bytes }) => ({ timeMs, bytes: bytes.length })),
    'its blocks',
  )
  for (const untilMs of [0, 100, 3000, 3100]) {
    const { width, height, rgb } = await replay(blocks, untilMs)
    const sha256 = createHash('sha256').update(rgb).digest('hex')
    t.snapshot({ width, height, sha256 }, `the picture at ${untilMs} ms`)
  }
})
