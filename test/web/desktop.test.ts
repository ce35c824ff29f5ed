import test from 'ava'
import type { Page } from 'playwright-core'
import { browserTests, type OpenOptions } from '../helpers/browser.ts'
import { makeIdentities } from '../helpers/sample-stream.ts'
import { until } from '../helpers/test-node.ts'
import { look, lookAt, looksLike } from './desktop-page.ts'
import { isPlaying, keyMoves, position, screen } from './player-page.ts'
import { type HeldDesktop, heldDesktop, picture, small, step, ticking } from './sample-desktops.ts'
import { openStandIn, type StandIn } from './stand-in.ts'

// Every control and key of SPEC S14 on a desktop that looks different every second, and the picture at every stop.

const browserTest = browserTests()
const identities = makeIdentities()
const second = 1_000_000
const lengthS = 1200
const endS = lengthS - 1
let server: StandIn
let clock: HeldDesktop

test.before('the pages are served', async () => {
  server = await openStandIn(identities.farm.publicKey)
  clock = await held(1, ticking(lengthS))
})
test.after.always('the server stops', () => server?.close())

async function held(
  seed: number,
  frames: Parameters<typeof heldDesktop>[2],
  options = {},
): Promise<HeldDesktop> {
  const made = await heldDesktop(identities, seed, frames, options)
  server.held.set(made.recording.id, made)
  return made
}

type Open = (url: string, options?: OpenOptions) => Promise<Page>

async function play(
  open: Open,
  { recording }: HeldDesktop,
  atS = 0,
  options: OpenOptions = {},
): Promise<Page> {
  const page = await open(`${server.url}/recordings/${recording.id}?t=${atS}`, {
    viewport: { width: 1280, height: 800 },
    ...options,
  })
  await page.locator(`${screen}[data-seeking=false]`).waitFor()
  return page
}

/** The player stands at `atS` and shows that second. */
async function stands(page: Page, atS: number, of = clock): Promise<void> {
  await until(async () => Math.abs((await position(page)) - atS * second) <= 1)
  await looksLike(page, of.blocks, atS * 1000)
}

browserTest('a moment that is played to looks as one that is sought', async (t, open) => {
  const page = await play(open, clock, 0)
  await stands(page, 0)
  t.false(await isPlaying(page), 'a recording waits to be played')
  await page.getByTestId('speed').selectOption('8')
  for (const toS of [3, 25, 47.5]) {
    await page.getByTestId('play').click()
    await until(async () => (await position(page)) > toS * second)
    await page.keyboard.press(' ')
    await until(async () => !(await isPlaying(page)))
    const atUs = await position(page)
    await looksLike(page, clock.blocks, atUs / 1000)
    const played = await look(page)
    await page.keyboard.press('End')
    await stands(page, endS)
    await page.goto(`${server.url}/recordings/${clock.recording.id}?t=${atUs / second}`)
    await until(async () => (await look(page)) === played)
    await page.getByTestId('speed').selectOption('8')
  }
})

browserTest('every key that moves, the wheel, 7 s back and the timeline', async (t, open) => {
  const page = await play(open, clock, 600)
  for (const [key, atS] of keyMoves(endS)) {
    await page.keyboard.press(key)
    await t.notThrowsAsync(stands(page, atS), key)
  }
  await page.keyboard.press('PageDown')
  await page.getByTestId('back-7').click()
  await stands(page, 53)
  for (const over of [screen, '[data-testid=seek-bar]']) {
    await page.locator(over).hover()
    await page.mouse.wheel(0, 100)
    await stands(page, 68)
    await page.mouse.wheel(0, -100)
    await stands(page, 53)
  }
  const bar = (await page.getByTestId('seek-bar').boundingBox())!
  for (const share of [0.9, 0.2]) {
    await page.mouse.click(bar.x + bar.width * share, bar.y + 20)
    await until(async () => Math.abs((await position(page)) / (endS * second) - share) < 0.002)
    await looksLike(page, clock.blocks, (await position(page)) / 1000)
  }
  await page.getByTestId('play').click()
  await until(() => isPlaying(page))
  await page.getByTestId('stop').click()
  await stands(page, 0)
  t.false(await isPlaying(page))
})

browserTest('at random moments, back and forth, it shows just that', async (t, open) => {
  const page = await play(open, clock, 0)
  let seed = 7
  for (let i = 0; i < 12; i++) {
    seed = (seed * 48_271) % 2_147_483_647
    const atS = seed % endS
    await page.keyboard.press('Home')
    await positionOf0(page)
    for (let minutes = Math.floor(atS / 60); minutes > 0; minutes--) await page.keyboard.press('PageDown')
    for (let fives = Math.floor((atS % 60) / 5); fives > 0; fives--) await page.keyboard.press('ArrowRight')
    await stands(page, Math.floor(atS / 60) * 60 + Math.floor((atS % 60) / 5) * 5)
  }
  t.pass()
})

async function positionOf0(page: Page): Promise<void> {
  await until(async () => (await position(page)) === 0)
}

browserTest('idle time is passed over and gaps are shown', async (t, open) => {
  const frames = [
    {
      startUs: 0,
      endUs: 600 * second,
      content: [picture(0, small, 0x224466), step(2000, small, 2), step(600_000, small, 600)],
    },
    { fromUs: 600 * second, toUs: 700 * second },
    ...ticking(10, small, 700),
  ]
  const idle = await held(2, frames)
  const page = await play(open, idle)
  await page.getByTestId('skip-idle').click()
  await page.getByTestId('speed').selectOption('4')
  await page.getByTestId('play').click()
  await page.getByTestId('gap').waitFor()
  t.regex((await page.getByTestId('gap').textContent())!, /1 min.*recording was paused/)
  await until(async () => (await position(page)) > 701 * second)
  await until(async () => !(await isPlaying(page)))
  await stands(page, 709, idle)
  await page.keyboard.press('Control+PageUp')
  await page.keyboard.press('Home')
  await stands(page, 0, idle)
})

browserTest('a screen that changes its size; fitted, sharp and panned', async (t, open) => {
  const large = { width: 500, height: 400 }
  const frames = [
    ...ticking(10),
    {
      startUs: 10 * second,
      endUs: 20 * second,
      content: [picture(10_000, small, 0xaa8844), picture(15_000, large, 0x336699), step(20_000, large, 20)],
    },
  ]
  const sizes = await held(3, frames)
  const page = await play(open, sizes)
  const canvas = page.locator(`${screen} canvas.desktop`)
  const box = async () => (await canvas.boundingBox())!
  const room = (await page.locator(screen).boundingBox())!
  const isInside = async () => {
    const { x, y, width, height } = await box()
    return (
      x >= room.x && y >= room.y && x + width <= room.x + room.width && y + height <= room.y + room.height
    )
  }
  await stands(page, 0, sizes)
  t.true(await isInside())
  t.true((await box()).width > 600, 'fitted, it is larger')
  await page.getByTestId('sharp').click()
  await until(async () => (await box()).width === 640)
  t.is(await canvas.evaluate((element) => getComputedStyle(element).imageRendering), 'pixelated')
  await page.keyboard.press('End')
  await stands(page, 20, sizes)
  await until(async () => (await box()).width === 500)
  t.true(await isInside())
  await page.setViewportSize({ width: 390, height: 844 })
  await until(async () => (await box()).width < 390)
  await page.getByTestId('fit').click()
  await until(async () => (await box()).width === 500)
  const map = page.getByTestId('pan-map')
  await map.waitFor()
  const scrolled = () => page.locator('.screen-scroll').evaluate((element) => element.scrollLeft)
  const onMap = (await map.boundingBox())!
  await page.mouse.click(onMap.x + onMap.width - 4, onMap.y + 10)
  await until(async () => (await scrolled()) > 50)
})

browserTest('both of its streams are proven, or not', async (t, open) => {
  const torn = await held(4, ticking(30))
  torn.screen = torn.screen.slice()
  torn.screen[torn.screen.length >> 1]! ^= 1
  for (const [desktop, wanted] of [
    [clock, ['true', 'true']],
    [torn, ['false', 'true']],
  ] as const) {
    const page = await play(open, desktop)
    await page.getByTestId('verdict').nth(1).waitFor()
    const verdicts = await page
      .getByTestId('verdict')
      .evaluateAll((all) => all.map((one) => one.dataset.whole))
    t.deepEqual(verdicts, wanted)
  }
})

browserTest('a red border when wanted, and while the pointer is held down', async (t, open) => {
  const page = await play(open, clock, 0)
  const border = () =>
    page.locator(screen).evaluate((element) => getComputedStyle(element, '::after').borderColor)
  const none = await border()
  await page.locator(screen).hover()
  await page.mouse.down()
  t.not(await border(), none)
  await page.mouse.up()
  t.is(await border(), none)
  await page.getByTestId('border').click()
  t.not(await border(), none)
})

browserTest('the pointer over the timeline shows the screen of that moment', async (t, open) => {
  const page = await play(open, clock, 0)
  await stands(page, 0)
  await page.getByTestId('seek-bar').hover({ position: { x: 300, y: 20 } })
  const thumbnail = page.locator('.hover-picture canvas')
  await thumbnail.waitFor()
  const colours = () =>
    thumbnail.evaluate((element) => {
      const canvas = element as unknown as Canvas
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
      return new Set(Array.from({ length: data.length / 4 }, (_, i) => data.slice(i * 4, i * 4 + 3).join()))
        .size
    })
  await until(async () => (await colours()) > 10)
  t.is(await look(page), await lookAt(clock.blocks, 0), 'the player itself stays where it is')
})

interface Canvas {
  width: number
  height: number
  getContext(kind: '2d'): {
    getImageData(x: number, y: number, width: number, height: number): { data: number[] }
  }
}
declare const getComputedStyle: (
  element: unknown,
  part?: string,
) => { imageRendering: string; borderColor: string }
