import test from 'ava'
import sharp from 'sharp'
import type { FormatError } from '../../format/format-error.ts'
import { encoding, type Rectangle } from '../../format/rfb-reader.ts'
import { type DecodeJpeg, ScreenPainter } from '../../format/screen-painter.ts'
import { difference } from '../helpers/picture.ts'
import { type Block, fbsBlocks, replay, zstdcat } from '../helpers/replay.ts'
import { type Part, update } from '../helpers/sample-screen.ts'

const size = { width: 16, height: 8 }
const all = { x: 0, y: 0, ...size }

const decodeJpeg: DecodeJpeg = async (jpeg) =>
  new Uint8Array(await sharp(jpeg).ensureAlpha().raw().toBuffer())

function rgbOf({ screen }: ScreenPainter) {
  const { width, height, pixels } = screen
  return { width, height, rgb: pixels.filter((_, i) => i % 4 !== 3) }
}

const sized: Part = [all, encoding.desktopSize]
const noise = (area: Rectangle, seed: number): Part => [
  area,
  encoding.raw,
  Uint8Array.from({ length: area.width * area.height * 4 }, (_, i) => (i * 31 + seed * 97) & 255),
]
const copy = (area: Rectangle, x: number, y: number): Part => [
  area,
  encoding.copyRect,
  new Uint8Array([0, x, 0, y]),
]

async function jpeg(area: Rectangle, colour: string, progressive = false, claims = area): Promise<Part> {
  const { width, height } = area
  const bytes = await sharp({ create: { width, height, channels: 3, background: colour } })
    .jpeg({ progressive })
    .toBuffer()
  const head = [0x90, (bytes.length & 0x7f) | 0x80, bytes.length >> 7]
  return [claims, encoding.tight, Buffer.concat([new Uint8Array(head), bytes])]
}

/** What a reader of its own shows of the same updates. */
function shownBy(updates: Uint8Array[], greeting: Buffer) {
  const blocks: Block[] = updates.map((bytes) => ({ bytes: Buffer.from(bytes), timeMs: 0 }))
  return replay([{ bytes: greeting, timeMs: 0 }, ...blocks])
}

test('what is painted is what another reader shows: copies that overlap, JPEGs over and under pixels', async (t) => {
  const golden = fbsBlocks(await zstdcat('test/format/golden/v1-two-frames.rfb.zst'))
  const right = { x: 4, y: 2, width: 8, height: 6 }
  const updates = [
    update(sized, noise(all, 1)),
    update(
      copy({ x: 1, y: 1, width: 15, height: 7 }, 0, 0),
      copy({ x: 0, y: 0, width: 12, height: 6 }, 2, 1),
    ),
    update(await jpeg(right, '#c08040'), noise({ x: 6, y: 4, width: 2, height: 2 }, 2)),
    update(await jpeg({ x: 0, y: 0, width: 8, height: 8 }, '#204080')),
  ]
  const painter = new ScreenPainter(decodeJpeg)
  painter.begin()
  for (const bytes of updates) await painter.update(bytes)
  await painter.settle()
  t.is(difference(rgbOf(painter), await shownBy(updates, golden[0]!.bytes)), undefined)
  t.deepEqual(painter.takeDirty(), all)
  t.is(painter.takeDirty(), undefined)
})

test('the recording kept for ever is painted as another reader shows it', async (t) => {
  const blocks = fbsBlocks(await zstdcat('test/format/golden/v1-two-frames.rfb.zst'))
  const painter = new ScreenPainter(decodeJpeg)
  painter.begin()
  for (const { bytes } of blocks.slice(1)) await painter.update(bytes)
  await painter.settle()
  t.is(difference(rgbOf(painter), await replay(blocks)), undefined)
})

test('of a video that is passed over only what is seen is unpacked', async (t) => {
  let unpacked = 0
  const painter = new ScreenPainter((...given) => {
    unpacked += 1
    return decodeJpeg(...given)
  })
  painter.begin()
  await painter.update(update(sized, noise(all, 1)))
  for (let i = 0; i < 50; i++) await painter.update(update(await jpeg(all, '#808080')))
  await painter.settle()
  t.is(unpacked, 1)
})

test('what breaks the rules is refused, and the next frame is painted', async (t) => {
  const picture = update(sized, noise(all, 1))
  const bad: Record<string, [code: string, bytes: Uint8Array]> = {
    'no size first': ['rfb-rectangle', update(noise(all, 1))],
    'outside the screen': ['rfb-rectangle', update(sized, noise({ ...all, x: 1 }, 1))],
    'an absurd size': [
      'rfb-screen-size',
      update([{ ...all, width: 65_535, height: 65_535 }, encoding.desktopSize]),
    ],
    'copied from outside': ['rfb-rectangle', update(sized, copy({ x: 0, y: 0, width: 8, height: 8 }, 9, 0))],
    'a torn rectangle': ['rfb-block', picture.subarray(0, picture.length - 5)],
    'endless zlib': [
      'rfb-tight',
      update(sized, [all, encoding.tight, new Uint8Array([0x00, 0xff, 0xff, 0xff])]),
    ],
    'a bell': ['rfb-message', new Uint8Array([2])],
    'a JPEG of another size': [
      'rfb-jpeg',
      update(sized, await jpeg({ ...all, width: 8 }, '#fff', false, all)),
    ],
    'a progressive JPEG': ['rfb-jpeg', update(sized, await jpeg(all, '#fff', true))],
    'a JPEG of nothing': [
      'rfb-jpeg',
      update(sized, [all, encoding.tight, new Uint8Array([0x90, 2, 0xff, 0xd8])]),
    ],
  }
  const painter = new ScreenPainter(decodeJpeg)
  for (const [name, [code, bytes]] of Object.entries(bad)) {
    painter.begin()
    t.is((await t.throwsAsync<FormatError>(() => painter.update(bytes)))?.code, code, name)
    painter.begin()
    await painter.update(picture)
    t.is(painter.screen.width, size.width, name)
  }
})
