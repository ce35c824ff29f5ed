import test from 'ava'
import type { Page } from 'playwright-core'
import type { TimelineEvent } from '../../format/timeline.ts'
import { browserTests, type OpenOptions } from '../helpers/browser.ts'
import { makeIdentities } from '../helpers/sample-stream.ts'
import { until } from '../helpers/test-node.ts'
import {
  atRest,
  collect,
  isPlaying,
  keyMoves,
  openPlayer,
  position,
  positionIs,
  screen,
  screenText,
  textShown,
} from './player-page.ts'
import { heldOf, output } from './sample-recordings.ts'
import { type Held, openStandIn, type StandIn } from './stand-in.ts'

// Every control and key of SPEC S14 that a terminal has, on a recording that shows what second it is.

const browserTest = browserTests()
const identities = makeIdentities()
const second = 1_000_000
const lengthS = 1200
let server: StandIn
let clock: Held

test.before('the pages are served', async () => {
  server = await openStandIn(identities.farm.publicKey)
  const frames: TimelineEvent[][] = []
  for (let from = 0; from < lengthS; from += 100)
    frames.push(Array.from({ length: 100 }, (_, i) => output(from + i, `\r${from + i} seconds`)))
  clock = await held(1, frames)
})
test.after.always('the server stops', () => server?.close())

async function held(seed: number, frames: (TimelineEvent[] | 'gap')[]): Promise<Held> {
  const made = await heldOf(identities, seed, frames)
  server.held.set(made.recording.id, made)
  return made
}

// What is used of the browser inside of pages.
declare const getComputedStyle: (element: unknown) => { opacity: string }
interface Canvas {
  width: number
  height: number
  getContext(kind: '2d'): {
    getImageData(x: number, y: number, width: number, height: number): { data: number[] }
  }
}

type Open = (url: string, options?: OpenOptions) => Promise<Page>

async function play(open: Open, { recording }: Held, atS = 0, options: OpenOptions = {}): Promise<Page> {
  const page = await open(`${server.url}/recordings/${recording.id}?t=${atS}`, {
    viewport: { width: 1280, height: 800 },
    ...options,
  })
  await openPlayer(page)
  return page
}

/** The player stands at `atS` and shows that second. */
async function stands(page: Page, atS: number): Promise<void> {
  await positionIs(page, atS * second)
  await textShown(page, new RegExp(`^${Math.floor(Math.min(atS, lengthS - 1))} seconds$`, 'm'))
}

browserTest('play, pause and stop', async (t, open) => {
  const page = await play(open, clock, 100)
  await stands(page, 100)
  t.false(await isPlaying(page), 'a recording waits to be played')
  await page.getByTestId('play').click()
  await until(async () => (await position(page)) > 101 * second)
  await page.keyboard.press(' ')
  await until(async () => !(await isPlaying(page)))
  await atRest(page)
  const paused = await position(page)
  await atRest(page)
  t.is(await position(page), paused)
  await page.keyboard.press('k')
  await until(async () => (await position(page)) > paused + second)
  await page.getByTestId('stop').click()
  await stands(page, 0)
  t.false(await isPlaying(page))
  await page.getByTestId('play').click()
  await until(async () => (await position(page)) > second)
  t.true((await position(page)) < 100 * second)
  await page.keyboard.press('End')
  await until(async () => !(await isPlaying(page)))
  await stands(page, lengthS - 1)
  await page.getByTestId('play').click()
  await until(async () => (await position(page)) < 100 * second)
  t.true(await isPlaying(page), 'at the end, playing begins again')
})

browserTest('every key that moves', async (t, open) => {
  const page = await play(open, clock, 600)
  for (const [key, atS] of keyMoves(lengthS - 1)) {
    await page.keyboard.press(key)
    await t.notThrowsAsync(stands(page, atS), key)
  }
  await page.getByTestId('back-7').click()
  await stands(page, 0)
  await page.keyboard.press('PageDown')
  await page.getByTestId('back-7').click()
  await stands(page, 53)
})

browserTest('the wheel moves 15 s a notch, with Control 90 s', async (_t, open) => {
  const page = await play(open, clock, 600)
  for (const over of [screen, '[data-testid=seek-bar]']) {
    await page.locator(over).hover()
    await page.mouse.wheel(0, 100)
    await stands(page, 615)
    await page.mouse.wheel(0, -100)
    await stands(page, 600)
    await page.keyboard.down('Control')
    await page.mouse.wheel(0, 100)
    await stands(page, 690)
    await page.mouse.wheel(0, -100)
    await stands(page, 600)
    await page.keyboard.up('Control')
  }
})

browserTest('the timeline is clicked and dragged', async (t, open) => {
  const page = await play(open, clock, 0)
  const bar = (await page.getByTestId('seek-bar').boundingBox())!
  const at = (share: number) => [bar.x + bar.width * share, bar.y + bar.height / 2] as const
  const near = async (share: number) => {
    await until(async () => Math.abs((await position(page)) / ((lengthS - 1) * second) - share) < 0.002)
    await stands(page, (await position(page)) / second)
  }
  await page.mouse.click(...at(0.5))
  await near(0.5)
  await page.mouse.move(...at(0.25))
  await page.mouse.down()
  await near(0.25)
  await page.mouse.move(...at(0.75), { steps: 20 })
  await near(0.75)
  // Beyond the end and far above, it is still held.
  await page.mouse.move(bar.x + bar.width + 500, bar.y - 200)
  await near(1)
  await page.mouse.move(...at(0.1))
  await page.mouse.up()
  await near(0.1)
  await page.mouse.move(...at(0.9))
  await near(0.1)
  t.regex((await page.locator('.hover-time').textContent())!, /^00:17:5\d$/, 'the pointer says where it is')
})

browserTest('speeds from a quarter to 32 times', async (t, open) => {
  const page = await play(open, clock, 60)
  const speed = page.getByTestId('speed')
  const flashes = await collect(page, '[data-testid=flash]', /.+/g)
  t.deepEqual(await speed.locator('option').allTextContents(), [
    '¼×',
    '½×',
    '1×',
    '2×',
    '4×',
    '8×',
    '16×',
    '32×',
  ])
  for (const [key, wanted] of [
    ['+', '2'],
    ['>', '4'],
    ['-', '2'],
    ['<', '1'],
    ['-', '0.5'],
  ] as const) {
    await page.keyboard.press(key)
    t.is(await speed.inputValue(), wanted)
  }
  t.deepEqual((await flashes()).toSorted(), ['1×', '2×', '4×', '½×'].toSorted())
  await page.getByTestId('flash').waitFor({ state: 'detached' })
  for (const chosen of [0.25, 32]) {
    await speed.selectOption(String(chosen))
    await page.keyboard.press(' ')
    const measured = await pace(page)
    t.true(Math.abs(measured / chosen - 1) < 0.3, `${measured} is not ${chosen}`)
    await page.keyboard.press(' ')
  }
})

/** Recorded time over real time while it plays. */
function pace(page: Page): Promise<number> {
  return page.locator(screen).evaluate(
    (element) =>
      new Promise<number>((resolve) => {
        let first: { us: number; ms: number } | undefined
        new MutationObserver((_, observer) => {
          const now = { us: Number(element.getAttribute('data-time-us')), ms: performance.now() }
          first ??= now
          if (now.ms - first.ms < 500) return
          observer.disconnect()
          resolve((now.us - first.us) / 1000 / (now.ms - first.ms))
        }).observe(element, { attributeFilter: ['data-time-us'] })
      }),
  )
}

browserTest('idle times are skipped when wanted, animations never', async (t, open) => {
  const animation = Array.from({ length: 8 }, (_, i) => output(600 + i / 2, `\rframe ${i}`))
  const idle = await held(2, [[output(0, 'begin\r\n'), ...animation, output(1300, '\r\nend')]])
  const page = await play(open, idle)
  const frames = await collect(page, `${screen} .xterm-rows`, /frame \d/g)
  await page.getByTestId('skip-idle').click()
  await page.getByTestId('play').click()
  await textShown(page, /^end/m)
  t.true((await frames()).length >= 7, `the animation is played: ${await frames()}`)
  await until(async () => !(await isPlaying(page)))
  await positionIs(page, 1300 * second)
})

browserTest('idle time is shaded, and not when unwanted', async (t, open) => {
  const page = await play(open, await held(3, [[output(0, 'a'), output(50, 'b'), output(100, 'c')]]), 0, {
    expected: [/willReadFrequently/],
  })
  const pixel = (share: number) =>
    page.locator('[data-testid=seek-bar] canvas').evaluate((element, at) => {
      const canvas = element as unknown as Canvas
      const context = canvas.getContext('2d')
      return context.getImageData(canvas.width * at, canvas.height / 2, 1, 1).data.join()
    }, share)
  const bare = '0,0,0,0'
  await until(async () => (await pixel(0.25)) !== bare)
  t.not(await pixel(0.75), bare)
  await page.getByTestId('shade-idle').click()
  await until(async () => (await pixel(0.25)) === bare)
  await page.getByTestId('shade-idle').click()
  await until(async () => (await pixel(0.25)) !== bare)
})

browserTest('elapsed time or the clock of the session', async (t, open) => {
  const page = await play(open, clock, 65, { timezoneId: 'America/New_York' })
  t.is(await page.getByTestId('position').textContent(), '00:01:05')
  await page.getByTestId('time').click()
  // 2026-09-21 14:13:20 UTC and 65 s, on the east coast.
  t.is(await page.getByTestId('position').textContent(), '10:14:25')
  t.regex((await page.getByTestId('time').textContent())!, /EDT/)
  await page.getByTestId('time').click()
  t.is(await page.getByTestId('position').textContent(), '00:01:05')
})

browserTest('full screen by button and F11, left by Escape and F11', async (t, open) => {
  const page = await play(open, clock, 60)
  const full = () => page.evaluate('document.fullscreenElement?.dataset.testid')
  await page.getByTestId('full-screen').click()
  await until(async () => (await full()) === 'player')
  // Controls go when the pointer rests and come when it moves.
  const opacity = () => page.locator('.deck').evaluate((deck) => getComputedStyle(deck).opacity)
  await until(async () => (await opacity()) === '0')
  await page.mouse.move(300, 300)
  await until(async () => (await opacity()) === '1')
  await page.keyboard.press('ArrowRight')
  await stands(page, 65)
  await page.keyboard.press('Escape')
  await until(async () => (await full()) === undefined)
  await page.keyboard.press('F11')
  await until(async () => (await full()) === 'player')
  await page.keyboard.press('F11')
  await until(async () => (await full()) === undefined)
  t.pass()
})

browserTest('F10 opens a window of its own at this moment', async (t, open) => {
  const page = await play(open, clock, 90, { windows: true })
  const [popup] = await Promise.all([page.waitForEvent('popup'), page.keyboard.press('F10')])
  await openPlayer(popup)
  await stands(popup, 90)
  t.pass()
})

browserTest('the panel hides, and the screen takes its place', async (t, open) => {
  const page = await play(open, clock)
  const panel = page.getByRole('complementary', { name: 'About this recording' })
  const width = async () => (await page.locator(screen).boundingBox())!.width
  const before = await width()
  await page.getByTestId('panel').click()
  await panel.waitFor({ state: 'detached' })
  t.true((await width()) > before + 300)
  await page.getByTestId('panel').click()
  await panel.waitFor()
})

browserTest('a resize while it plays: the whole new screen is shown', async (t, open) => {
  const events: TimelineEvent[] = [
    output(0, 'small\r\n'),
    { timeUs: 1e6, code: 'r', data: '200x60' },
    output(1.1, 'wide'),
  ]
  events.push({ timeUs: 20e6, code: 'r', data: '40x10' }, output(20.1, 'narrow'), output(21, ' end'))
  const page = await play(open, await held(4, [events]))
  const inside = async (rows: number) => {
    await until(async () => (await page.locator(`${screen} .xterm-rows > div`).count()) === rows)
    await atRest(page)
    const box = (await page.locator(screen).boundingBox())!
    const drawn = (await page.locator(`${screen} .xterm-screen`).boundingBox())!
    t.true(drawn.x >= box.x && drawn.x + drawn.width <= box.x + box.width, `${rows} rows fit across`)
    t.true(drawn.y >= box.y && drawn.y + drawn.height <= box.y + box.height, `${rows} rows fit down`)
  }
  await inside(24)
  await page.getByTestId('play').click()
  await textShown(page, 'wide')
  await page.keyboard.press(' ')
  await inside(60)
  await page.keyboard.press('End')
  await textShown(page, 'narrow end')
  await inside(10)
  await page.keyboard.press('Home')
  await inside(24)
  t.regex(await screenText(page), /^small/)
})

browserTest('at its own size a large screen is panned', async (t, open) => {
  const events: TimelineEvent[] = [
    { timeUs: 0, code: 'r', data: '300x100' },
    output(1, `\u001b[100;290Hcorner`),
  ]
  const page = await play(open, await held(5, [events]), 1)
  const glyph = () => page.locator(`${screen} .xterm-screen`).evaluate((all) => all.clientHeight / 100)
  const fitted = await glyph()
  await page.getByTestId('fit').click()
  await until(async () => (await glyph()) > fitted * 1.5)
  const scrolls = await page
    .locator(`${screen} .screen-scroll`)
    .evaluate((box) => box.scrollWidth > box.clientWidth && box.scrollHeight > box.clientHeight)
  t.true(scrolls)
  await page.getByTestId('fit').click()
  await until(async () => (await glyph()) === fitted)
})

browserTest('the screen takes no keyboard, and what is marked on it can be copied', async (t, open) => {
  const page = await play(open, clock, 60, { permissions: ['clipboard-read', 'clipboard-write'] })
  const rows = (await page.locator(`${screen} .xterm-rows > div`).first().boundingBox())!
  await page.mouse.click(rows.x + 30, rows.y + 5)
  await page.keyboard.press('ArrowRight')
  await stands(page, 65)
  await page.mouse.move(rows.x + 1, rows.y + 5)
  await page.mouse.down()
  await page.mouse.move(rows.x + rows.width / 2, rows.y + 5, { steps: 5 })
  await page.mouse.up()
  await page.keyboard.press('Control+c')
  await until(async () => (await page.evaluate('navigator.clipboard.readText()')) === '65 seconds')
  t.pass()
})

browserTest('the pointer over the timeline shows the screen of that moment', async (t, open) => {
  const page = await play(open, clock, 0)
  const shown = await screenText(page)
  await page.getByTestId('seek-bar').hover({ position: { x: 300, y: 20 } })
  const picture = page.locator('.hover-picture canvas')
  await picture.waitFor()
  const bright = () =>
    picture.evaluate((element) => {
      const canvas = element as unknown as Canvas
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
      return Array.from(data).filter((value, i) => i % 4 === 0 && value > 60).length
    })
  await until(async () => (await bright()) > 10)
  t.is(await screenText(page), shown, 'the player itself stays where it is')
})
