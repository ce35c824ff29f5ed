import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import sharp from 'sharp'
import { enrolledAgent } from '../../helpers/enrolled-agent.ts'
import { eventually } from '../../helpers/eventually.ts'
import { filled, makeScreenStream, opening, striped, update } from '../../helpers/sample-screen.ts'
import { facts, makeStream } from '../../helpers/sample-stream.ts'
import { startTestNode, type TestAnswer } from '../../helpers/test-node.ts'
import { run } from '../../helpers/up.ts'
import { openMessage } from '../ingest/test-agent.ts'

// A desktop as the API has it, while it runs and when it has ended.

const launcher = join(import.meta.dirname, '../../../tapedeck')
const size = { width: 320, height: 200 }
const channels = { cast: 1, rfb: 2 }

async function middle({ bytes }: TestAnswer): Promise<string> {
  const { data, info } = await sharp(bytes).removeAlpha().raw().toBuffer({ resolveWithObject: true })
  const at = ((info.height >> 1) * info.width + (info.width >> 1)) * 3
  return [...data.subarray(at, at + 3)].map((byte) => (byte > 170 ? 'f' : byte < 85 ? '0' : '8')).join('')
}

test('poster, index, frames and exports of a desktop, live and ended', async (t) => {
  const node = await startTestNode(t)
  const { agent, identities } = await enrolledAgent(t, node)
  const desktop = { ...facts, type: 'desktop' as const }
  const cast = await makeStream(identities, [[]], { facts: desktop })
  const { recording } = cast
  const rfb = await makeScreenStream(
    identities,
    [
      {
        startUs: 0,
        size,
        updates: [
          { timeMs: 0, bytes: opening(size, 0xff0000) },
          { timeMs: 3000, bytes: update(filled({ x: 0, y: 0, width: 20, height: 10 }, 0)) },
        ],
      },
      {
        startUs: 6_000_000,
        size,
        updates: [
          { timeMs: 6000, bytes: opening(size, 0x0000ff) },
          { timeMs: 9000, bytes: update(striped({ x: 0, y: 0, width: 64, height: 64 })) },
        ],
      },
    ],
    { recording },
  )
  for (const stream of ['cast', 'rfb'] as const) {
    const channel = channels[stream]
    agent.send(openMessage(recording, { channel, stream, facts: desktop }))
    await agent.until(() => agent.opened(channel).length === 1)
  }
  const base = `/api/recordings/${recording}`
  const send = async (stream: 'cast' | 'rfb', from: number, to: number) => {
    agent.data(channels[stream], from, { cast, rfb }[stream].bytes.subarray(from, to))
    await agent.until(() => agent.acked(channels[stream]) === to)
  }
  await send('cast', 0, cast.boundaries[0]!)
  t.is((await node.ask(`${base}/poster`)).status, 204)
  const [first, second] = rfb.boundaries as [number, number]
  await send('rfb', 0, first)
  t.is(await middle(await node.ask(`${base}/poster`)), 'f00')
  const index = await eventually(async () => {
    const { json } = await node.ask(`${base}/index`)
    if (json.coveredBytes !== first) throw new Error(JSON.stringify(json))
    return json
  })
  t.deepEqual(index.activity, [{ offset: 0, everyUs: 1_000_000, counts: [3, 200] }])
  t.is((await node.ask(`${base}/index?stream=cast`)).json.coveredBytes, cast.boundaries[0])
  // The second frame without its SEAL.
  await send('rfb', first, second - 200)
  await eventually(async () => {
    const colour = await middle(await node.ask(`${base}/poster`))
    if (colour !== '00f') throw new Error(colour)
  })
  await send('rfb', second - 200, rfb.bytes.length)
  await send('cast', cast.boundaries[0]!, cast.bytes.length)
  for (const stream of ['cast', 'rfb'] as const)
    agent.send({ type: 'finish', channel: channels[stream], size: { cast, rfb }[stream].bytes.length })
  const whole = await eventually(async () => {
    const { json } = await node.ask(`${base}/index`)
    if (json.state !== 'ready' || json.images.length < 2) throw new Error(JSON.stringify(json))
    return json
  })
  t.deepEqual(whole.images.map(({ use }: { use: string }) => use).sort(), ['poster', 'strip'])
  t.deepEqual([whole.pictures, whole.refused], [[], []])
  t.is(await middle(await node.ask(`${base}/poster`)), '00f')
  const strip = whole.images.find(({ use }: { use: string }) => use === 'strip')
  const image = await node.ask(`${base}/index/${strip.at}`)
  t.is(image.headers['content-type'], 'image/webp')
  t.like(await sharp(image.bytes).metadata(), { width: strip.width * 10, height: strip.height * 6 })
  const table = (await node.ask(`${base}/frames?stream=rfb`)).json
  t.is(table.size, rfb.bytes.length)
  t.deepEqual(
    table.frames.map(({ offset, sealed }: { offset: number; sealed: boolean }) => [offset, sealed]),
    [0, first, second].map((offset) => [offset, true]),
  )

  t.is((await node.ask(`${base}/index`, { method: 'POST' })).status, 202)
  const again = await eventually(async () => {
    const { json } = await node.ask(`${base}/index`)
    if (json.state !== 'ready') throw new Error(JSON.stringify(json))
    return json
  })
  t.deepEqual(again.activity, whole.activity)
  t.is(again.coveredBytes, whole.coveredBytes)
  t.is(await middle(await node.ask(`${base}/poster`)), '00f')

  const out = join(node.home, 'moment.png')
  for (const [at, colour] of [
    ['5.9', 'f00'],
    ['6', '00f'],
  ] as const) {
    const server = ['--server', `https://localhost:${node.node.port}`, '--ca', node.config.tlsCert]
    const as = ['--token-file', join(node.home, 'client.token')]
    const made = await run(launcher, ['export', recording, '--out', out, '--at', at, ...server, ...as])
    t.is(made.status, 0, made.stderr)
    t.is(await middle({ bytes: await readFile(out) } as TestAnswer), colour)
  }
})
