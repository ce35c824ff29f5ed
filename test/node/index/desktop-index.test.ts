import { zstdCompressSync } from 'node:zlib'
import test from 'ava'
import sharp from 'sharp'
import { encodeBlock } from '../../../format/fbs.ts'
import type { IndexTable } from '../../../format/index-records.ts'
import { encoding } from '../../../format/rfb-reader.ts'
import { drawNow } from '../../../node/index/draw-now.ts'
import { IndexJob } from '../../../node/index/index-job.ts'
import { readIndexBlock } from '../../../node/index/read-index.ts'
import type { Picture } from '../../helpers/picture.ts'
import { fbsBlocks, replay } from '../../helpers/replay.ts'
import {
  filled,
  jpeg,
  makeScreenStream,
  moved,
  opening,
  type SampleScreenFrame,
  sized,
  striped,
  update,
} from '../../helpers/sample-screen.ts'
import { makeStream } from '../../helpers/sample-stream.ts'
import { type Indexing, identities, openIndexing } from './index-parts.ts'

// What the index has of a desktop: its frames, when it changed, pictures of it; the same however it came to be, and over
// whatever stands in the stream.

const size = { width: 320, height: 200 }
const wide = { width: 400, height: 160 }
const window = { x: 32, y: 32, width: 160, height: 96 }

const frames: (SampleScreenFrame | { gapUs: number })[] = [
  {
    startUs: 500_000,
    size,
    updates: [
      { timeMs: 500, bytes: opening(size, 0x204060) },
      { timeMs: 2100, bytes: update(filled({ x: 0, y: 0, width: 10, height: 10 }, 0xff0000)) },
      { timeMs: 2900, bytes: update(filled({ x: 10, y: 0, width: 5, height: 10 }, 0xff0000)) },
      { timeMs: 7000, bytes: update(striped(window), moved({ ...window, y: 90 }, window.x, window.y)) },
    ],
  },
  {
    startUs: 9_000_000,
    size: wide,
    updates: [
      { timeMs: 9000, bytes: opening(wide, 0x800000) },
      { timeMs: 11_000, bytes: update(striped({ x: 0, y: 0, width: 32, height: 32 }, 2)) },
      { timeMs: 12_000, bytes: update(await jpeg({ x: 200, y: 0, width: 200, height: 160 }, '#30c060')) },
    ],
  },
  { gapUs: 4_000_000 },
  { startUs: 15_000_000, size, updates: [{ timeMs: 15_000, bytes: opening(size, 0x008000) }] },
]

const timeline = () => makeStream(identities, [[]], { facts: { type: 'desktop' } })
const screen = () => makeScreenStream(identities, frames)

/** All but where it lies in the index. */
async function contentOf(indexing: Indexing) {
  const { frames, images, sizes } = (await indexing.table())!
  const { tools, place } = indexing
  const pictures = images.map(async ({ at, size, ...facts }) => {
    return { facts, body: (await readIndexBlock(tools.store, place, tools.mac, at))!.body }
  })
  return {
    ...{ cast: frames.filter(({ stream }) => stream === 'cast'), rfb: screenFrames({ frames }), sizes },
    images: await Promise.all(pictures),
  }
}

function screenFrames({ frames }: Pick<IndexTable, 'frames'>): IndexTable['frames'] {
  return frames.filter(({ stream }) => stream === 'rfb')
}

/** Mean difference of two pictures' bytes. */
async function distance(image: Uint8Array, { width, height, rgb }: Picture): Promise<number> {
  const found = await sharp(image).removeAlpha().raw().toBuffer({ resolveWithObject: true })
  const wanted = await sharp(rgb, { raw: { width, height, channels: 3 } })
    .resize({ width: found.info.width, height: found.info.height, fit: 'fill' })
    .raw()
    .toBuffer()
  return wanted.reduce((sum, byte, i) => sum + Math.abs(byte - found.data[i]!), 0) / wanted.length
}

test('as data arrives, at once, and anew: the same content', async (t) => {
  const [cast, rfb] = [await timeline(), await screen()]
  const [grown, made] = [await openIndexing(t, cast, rfb), await openIndexing(t, cast, rfb)]
  const job = await IndexJob.open(grown.tools, grown.recording, false)
  for (const boundary of rfb.boundaries) {
    job.know('rfb', boundary)
    while (await job.step());
    t.is(
      screenFrames((await grown.table())!).length,
      rfb.boundaries.filter((at) => at <= boundary).length,
      'sealed, indexed',
    )
  }
  t.false(job.done)
  job.know('cast', cast.bytes.length)
  while (await job.step());
  t.true(job.done)
  await job.close()
  await made.build()
  const content = await contentOf(made)
  t.deepEqual(await contentOf(grown), content)
  t.deepEqual(content.sizes, { cast: cast.bytes.length, rfb: rfb.bytes.length })
  const bytes = await made.bytes()
  await made.build({ again: true })
  t.deepEqual(await made.bytes(), bytes)
})

test('a timeline that ended before its screen came is indexed again with it', async (t) => {
  const rfb = await screen()
  const indexing = await openIndexing(t, await timeline())
  await indexing.build()
  t.is(screenFrames((await indexing.table())!).length, 0)
  const file = await indexing.tools.store.open(indexing.place, 'rfb')
  await file.write([rfb.bytes], 0)
  await file.close()
  const job = await IndexJob.open(indexing.tools, indexing.recording, false)
  for (const stream of ['cast', 'rfb'] as const)
    job.know(stream, (await indexing.tools.store.size(indexing.place, stream))!)
  while (await job.step());
  t.true(job.done)
  await job.close()
  const table = (await indexing.table())!
  t.is(table.sizes.rfb, rfb.bytes.length)
  t.deepEqual(table.images.findLast(({ use }) => use === 'poster')!.timesUs, [7_000_000])
})

test('when it changed and how much, in pixels; the picture that a frame begins with changes nothing', async (t) => {
  const indexing = await openIndexing(t, await timeline(), await screen())
  await indexing.build()
  const [first, second, gap, last] = screenFrames((await indexing.table())!)
  const windowPixels = window.width * window.height
  t.deepEqual(first!.activity, { everyUs: 1_000_000, counts: [2, 150, 4, 2 * windowPixels] })
  t.deepEqual(second!.activity, { everyUs: 1_000_000, counts: [11, 32 * 32, 0, 200 * 160] })
  t.is(gap!.kind, 'gap')
  t.is(last!.activity, undefined)
  t.is(first!.fullest?.timeUs, 7_000_000)
})

test('poster and thumbnails are what another reader shows, scaled', async (t) => {
  const rfb = await screen()
  const indexing = await openIndexing(t, await timeline(), rfb)
  await indexing.build()
  const { images } = await contentOf(indexing)
  const blocks = fbsBlocks(Buffer.from(rfb.raw))
  const [strip, poster] = ['strip', 'poster'].map((use) => images.find(({ facts }) => facts.use === use)!)
  t.like(poster!.facts, { width: size.width, height: size.height, timesUs: [7_000_000] })
  t.true((await distance(poster!.body, await replay(blocks, 7000))) < 4)
  const { columns, timesUs, width, height } = strip!.facts
  t.is(timesUs.length, 60)
  t.is(columns, 10)
  // From the 49th on with the JPEG.
  for (const i of [5, 30, 40, 50, 58, 59]) {
    const left = (i % columns) * width
    const top = Math.floor(i / columns) * height
    const shown = await sharp(strip!.body).extract({ left, top, width, height }).png().toBuffer()
    const picture = await replay(blocks, timesUs[i]! / 1000)
    const fitted = await sharp(picture.rgb, {
      raw: { width: picture.width, height: picture.height, channels: 3 },
    })
      .resize({ width, height, fit: 'contain', background: '#14181d' })
      .raw()
      .toBuffer()
    t.true((await distance(shown, { width, height, rgb: fitted })) < 6, `thumbnail ${i}`)
  }
})

test('now: the newest picture of a frame that is not sealed yet, behind what the index has', async (t) => {
  const rfb = await screen()
  const indexing = await openIndexing(t, await timeline(), rfb)
  const blocks = fbsBlocks(Buffer.from(rfb.raw))
  const job = await IndexJob.open(indexing.tools, indexing.recording, false)
  job.know('rfb', rfb.boundaries[0]!)
  while (await job.step());
  await job.close()
  const shown = async (size: number) => {
    const draw = { recording: indexing.recording, stream: 'rfb' as const, size, columns: 80, rows: 24 }
    return (await drawNow(indexing.tools, { ...draw, isCommand: false }))!.bytes
  }
  t.true((await distance(await shown(rfb.boundaries[0]!), await replay(blocks, 7000))) < 4)
  // All of the second frame but its SEAL.
  const open = rfb.boundaries[1]! - 200
  t.true((await distance(await shown(open), await replay(blocks, 12_000))) < 4)
  // Nothing of a picture yet: the one before.
  t.true((await distance(await shown(rfb.boundaries[0]! + 10), await replay(blocks, 7000))) < 4)
})

const good = (startUs: number): SampleScreenFrame => ({
  startUs,
  size,
  updates: [{ timeMs: startUs / 1000, bytes: update(sized(size), striped({ x: 0, y: 0, ...size })) }],
})

function hostileFrames(): Record<string, Omit<SampleScreenFrame, 'startUs'>> {
  const begun = opening(size, 0x101010)
  const all = { x: 0, y: 0, ...size }
  const second = (bytes: Uint8Array) => ({
    size,
    updates: [
      { timeMs: 0, bytes: begun },
      { timeMs: 0, bytes },
    ],
  })
  const endless = zstdCompressSync(Buffer.alloc(64 * 1024 * 1024, encodeBlock(begun, 0)))
  return {
    'rfb-rectangle': second(update(filled({ ...all, x: 1 }, 0))),
    'rfb-screen-size': second(update(sized({ width: 65_535, height: 65_535 }))),
    'rfb-tight': second(update([all, encoding.tight, new Uint8Array([0x00, 0xff, 0xff, 0xff])])),
    'rfb-jpeg': second(update([all, encoding.tight, new Uint8Array([0x90, 4, 0xff, 0xd8, 0xff, 0xd9])])),
    'rfb-size': {
      size,
      updates: [{ timeMs: 0, bytes: update(filled({ x: 0, y: 0, width: 1, height: 1 }, 0)) }],
    },
    'rfb-block': second(begun.subarray(0, begun.length - 5)),
    'rfb-message': second(new Uint8Array([2])),
    'raw-size': { ...second(begun), body: endless },
    zstd: { ...second(begun), body: new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58, 0x0d, 0, 0, 1]) },
  }
}

test('what breaks the rules is noted where it stands, and the next frame is taken', async (t) => {
  for (const [code, frame] of Object.entries(hostileFrames())) {
    const updates = frame.updates.map(({ bytes }) => ({ bytes, timeMs: 1000 }))
    const rfb = await makeScreenStream(identities, [
      good(0),
      { ...frame, updates, startUs: 1_000_000 },
      good(2_000_000),
    ])
    const indexing = await openIndexing(t, await timeline(), rfb)
    await indexing.build()
    const table = (await indexing.table())!
    const [before, bad, after] = screenFrames(table)
    t.deepEqual(bad!.refused, { timeUs: 1_000_000, code }, code)
    t.is(before!.refused, undefined)
    t.is(after!.refused, undefined)
    t.is(after!.fullest?.cells, before!.fullest?.cells)
    t.is(table.sizes.rfb, rfb.bytes.length)
  }
})

test('a kilobyte that would move pixels for hours is given up on', async (t) => {
  const large = { width: 4096, height: 4096 }
  const copies = update(
    moved({ x: 0, y: 0, width: 4096, height: 4095 }, 0, 1),
    moved({ x: 0, y: 1, width: 4096, height: 4095 }, 0, 0),
  )
  const tile = { width: 4096, height: 32 }
  const picture = Array.from({ length: 128 }, (_, i) => filled({ x: 0, y: i * 32, ...tile }, 0x123456))
  const updates = [
    { timeMs: 0, bytes: update(sized(large), picture[0]!) },
    ...picture.slice(1).map((part) => ({ timeMs: 0, bytes: update(part) })),
    ...Array.from({ length: 20_000 }, (_, i) => ({ timeMs: 1000 + i, bytes: copies })),
  ]
  const rfb = await makeScreenStream(identities, [{ startUs: 0, size: large, updates }, good(30_000_000)])
  const indexing = await openIndexing(t, await timeline(), rfb)
  await indexing.build()
  const [dear, after] = screenFrames((await indexing.table())!)
  t.true(dear!.undrawn)
  // It is no idle time.
  t.is(dear!.activity!.counts.length, 40)
  t.is(after!.undrawn, undefined)
  t.truthy(after!.fullest)
})
