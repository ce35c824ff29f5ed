import test from 'ava'
import sharp from 'sharp'
import type { UpdateBlock } from '../../format/fbs.ts'
import { encoding } from '../../format/rfb-reader.ts'
import { browserTests } from '../helpers/browser.ts'
import { makeIdentities } from '../helpers/sample-stream.ts'
import { until } from '../helpers/test-node.ts'
import { looksLike } from './desktop-page.ts'
import { isPlaying, position, screen } from './player-page.ts'
import { block, type DesktopFrame, heldDesktop, picture, small, step, ticking } from './sample-desktops.ts'
import { openStandIn, type StandIn } from './stand-in.ts'

// Screens that lie. Each is a frame of ten seconds between two good ones: what is wrong is said at its place, what was
// before it is shown, and playback goes on behind it.

const browserTest = browserTests()
const identities = makeIdentities()
const second = 1_000_000
let server: StandIn

test.before('the pages are served', async () => {
  server = await openStandIn(identities.farm.publicKey)
})
test.after.always('the server stops', () => server?.close())

const raw = (x: number, y: number, width: number, height: number) => (update: UpdateBlock) =>
  void update.add({ x, y, width, height }, encoding.raw, width * height * 4)

/** A rectangle in Tight encoding: its first byte, its length, its content. */
function tight(content: Uint8Array, { control = 0x90, side = 64 } = {}): (update: UpdateBlock) => void {
  const length = content.length
  const head = [control, (length & 0x7f) | 0x80, ((length >> 7) & 0x7f) | 0x80, length >> 14]
  return (update) =>
    update
      .add({ x: 0, y: 0, width: side, height: side }, encoding.tight, head.length + length)
      .set([...head, ...content])
}

/** A zstd frame that decodes to `megabytes` of `byte`, in four bytes for each 128 KiB. */
function endless(megabytes: number, byte: number, window = 0x78): Uint8Array {
  const bytes = [0x28, 0xb5, 0x2f, 0xfd, 0, window]
  for (let i = 0, all = megabytes * 8; i < all; i++) {
    const header = ((128 * 1024) << 3) | 2 | (i === all - 1 ? 1 : 0)
    bytes.push(header & 0xff, (header >> 8) & 0xff, header >> 16, byte)
  }
  return new Uint8Array(bytes)
}

async function jpeg(side: number, progressive: boolean): Promise<Uint8Array> {
  const create = { width: side, height: side, channels: 3, background: '#ff8800' } as const
  return sharp({ create }).jpeg({ progressive }).toBuffer()
}

type Bad =
  | { says: RegExp; fill: (update: UpdateBlock) => void }
  | { says: RegExp; frame: Partial<DesktopFrame> }

async function allThatIsBad(): Promise<Record<string, Bad>> {
  const torn = (await jpeg(64, false)).slice(0, -200).fill(0x7f, 300)
  return {
    'a rectangle outside the screen': {
      says: /50x50\+300\+10 on a screen of 320x200/,
      fill: raw(300, 10, 50, 50),
    },
    'an absurd size': {
      says: /a screen of 60000x60000/,
      fill: (update) => update.add({ x: 0, y: 0, width: 60_000, height: 60_000 }, encoding.desktopSize, 0),
    },
    'a copy from outside': {
      says: /copy from 65535,65535/,
      fill: (update) => update.add({ x: 0, y: 0, width: 9, height: 9 }, encoding.copyRect, 4).fill(0xff),
    },
    'an encoding with a state': {
      says: /encoding 16/,
      fill: (update) => update.add({ x: 0, y: 0, width: 9, height: 9 }, 16, 9),
    },
    'endless zlib': { says: /Tight compression 0x0/, fill: tight(new Uint8Array(64), { control: 0 }) },
    'a JPEG that takes minutes': { says: /only the baseline/, fill: tight(await jpeg(64, true)) },
    'a JPEG that is larger than its place': {
      says: /128x128 is to fill 64x64/,
      fill: tight(await jpeg(128, false)),
    },
    'a JPEG of nothing': { says: /JPEG of 64x64 cannot be unpacked|it has no size/, fill: tight(torn) },
    'endless zstd': {
      says: /more than 268435456 bytes|has no rectangle/,
      frame: { stored: endless(300, 0), rawBytes: 300 * 1024 * 1024 },
    },
    'a block of gigabytes': {
      says: /A block claims 2880154539 bytes/,
      frame: { stored: endless(1, 0xab), rawBytes: 1024 * 1024 },
    },
    'a window of gigabytes': {
      says: /of window/,
      frame: { stored: endless(1, 1, 0xa8), rawBytes: 1024 * 1024 },
    },
    'less than its seal says': { says: /not decode to what its seal says/, frame: { rawBytes: 40_000_000 } },
    'more than its seal says': { says: /more than 1000 bytes/, frame: { rawBytes: 1000 } },
    'no size': { says: /does not begin with the size/, frame: { content: [block(0, raw(0, 0, 1, 1))] } },
  }
}

browserTest('what is wrong is said where it is, and playback goes on behind it', async (t, open) => {
  const frames: DesktopFrame[] = []
  const bad = Object.entries(await allThatIsBad())
  for (const [index, [, found]] of bad.entries()) {
    const atS = index * 20
    frames.push(...ticking(10, small, atS))
    const content = [picture((atS + 10) * 1000, small, 0x777777), step((atS + 12) * 1000, small, atS)]
    if ('fill' in found) content.push(block((atS + 15) * 1000, found.fill))
    const times = { startUs: (atS + 10) * second, endUs: (atS + 19) * second }
    frames.push({ ...times, content, isHostile: true, ...('frame' in found && found.frame) })
  }
  frames.push(...ticking(10, small, bad.length * 20))
  const held = await heldDesktop(identities, 1, frames)
  server.held.set(held.recording.id, held)
  const page = await open(`${server.url}/recordings/${held.recording.id}`)
  await looksLike(page, held.blocks, 0)
  // A jump is 5 s, so that each place is reached from the good frame before it.
  const at = async (atS: number) => {
    await until(async () => Math.abs((await position(page)) - atS * second) <= 1)
    await page.locator(`${screen}[data-seeking=false]`).waitFor()
  }
  for (const [index, [name, { says }]] of bad.entries()) {
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('ArrowRight')
    await at(index * 20 + 15)
    const gap = page.getByTestId('gap')
    await t.notThrowsAsync(gap.waitFor({ timeout: 10_000 }), name)
    t.regex((await page.getByTestId('gap-detail').textContent())!, says, name)
    await page.keyboard.press('ArrowRight')
    await at(index * 20 + 20)
    await t.notThrowsAsync(looksLike(page, held.blocks, (index + 1) * 20_000), `after ${name}`)
    t.is(await gap.count(), 0, name)
  }
  t.is(await page.getByTestId('error').count(), 0)
})

browserTest('played into, damage is shown and passed', async (t, open) => {
  const outside = [
    picture(10_000, small, 0x777777),
    step(11_000, small, 11),
    block(13_000, raw(300, 10, 50, 50)),
  ]
  const held = await heldDesktop(identities, 2, [
    ...ticking(10),
    { startUs: 10 * second, endUs: 19 * second, content: outside, isHostile: true },
    ...ticking(10, small, 20),
  ])
  server.held.set(held.recording.id, held)
  const page = await open(`${server.url}/recordings/${held.recording.id}?t=9`)
  await looksLike(page, held.blocks, 9000)
  await page.getByTestId('play').click()
  await page.getByTestId('gap').waitFor()
  const shownS = (await position(page)) / second
  t.true(shownS >= 13 && shownS < 14, `at ${shownS} s`)
  await until(async () => (await position(page)) > 21 * second)
  await page.keyboard.press(' ')
  await until(async () => !(await isPlaying(page)))
  await looksLike(page, held.blocks, (await position(page)) / 1000)
})

browserTest('one that is torn is played up to where it decodes', async (t, open) => {
  const held = await heldDesktop(identities, 3, ticking(30), { ended: false, state: 'dormant' })
  held.screen = held.screen.subarray(0, held.screen.length - 500)
  server.held.set(held.recording.id, held)
  const page = await open(`${server.url}/recordings/${held.recording.id}?t=25`)
  await looksLike(page, held.blocks, 25_000)
  t.is(await page.getByTestId('gap').count(), 0)
})
