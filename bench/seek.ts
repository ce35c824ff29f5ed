import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { generateKeyPem } from '../codec/ed25519.ts'
import { launchChromium } from '../test/helpers/chromium.ts'
import { facts, makeIdentities } from '../test/helpers/sample-stream.ts'
import { startUp, type Up } from '../test/helpers/up.ts'
import { asciinemaFigures } from './asciinema-page.ts'
import { type LongRecording, writeLongRecording } from './long-recording.ts'
import type { BenchOptions, Figure } from './main.ts'
import { percentile } from './median.ts'
import { randomNumbers } from './random-numbers.ts'
import { memoryFigures } from './seek-memory.ts'

// How soon a moment of a very large recording is seen: a reviewer clicks a recording in the list, or the timeline, and the
// picture is painted. Times are the page's own, from the click to the frame that shows it; the node runs beside it.

const full = { bytes: 1024 * 1024 * 1024, opens: 20, seeks: 200 }
const quick = { bytes: 48 * 1024 * 1024, opens: 5, seeks: 20 }
const lengthUs = 8 * 3600 * 1e6
const seed = 20260302

export async function run({ quick: isQuick }: BenchOptions): Promise<Figure[]> {
  const size = isQuick ? quick : full
  const up = await startUp()
  const browser = await launchChromium()
  try {
    const recording = await provide(up, size.bytes)
    const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage()
    await page.goto(up.link)
    await page.getByTestId('search').waitFor()
    const random = randomNumbers(seed)
    const moments = Array.from({ length: size.opens }, () => (random() * recording.endUs) / 1e6)
    const firsts: number[] = []
    for (const moment of moments) firsts.push(await openFromList(page, up, recording.id, moment))
    const seeks = await seekAbout(page, size.seeks, random)
    await page.close()
    const what = `${(recording.outputBytes / 1e9).toFixed(2)} GB of output in 8 h, ${(recording.storedBytes / 1e6).toFixed(0)} MB stored`
    return [
      {
        key: 'terminal_first_ms',
        value: percentile(firsts, 0.5),
        bar: { atMost: 300 },
        about: `from the click in the list to a moment of it painted, median of ${firsts.length}; ${what}`,
      },
      { key: 'terminal_first_p95_ms', value: percentile(firsts, 0.95), about: 'the same, p95' },
      {
        key: 'terminal_seek_p95_ms',
        value: percentile(seeks, 0.95),
        bar: { atMost: 200 },
        about: `from a click on the timeline to painted, ${seeks.length} moments`,
      },
      { key: 'terminal_seek_p50_ms', value: percentile(seeks, 0.5), about: 'the same, median' },
      ...(await memoryFigures(browser, up, recording.id, size.seeks, random)),
      ...(await asciinemaFigures(browser, up, recording.id, size.seeks)),
    ]
  } finally {
    await browser.close()
    await up.stop()
  }
}

/** A recording in the product's store, and its index. */
async function provide(up: Up, bytes: number): Promise<LongRecording> {
  const farmPem = await readFile(join(up.home, 'farm', 'farm.key'), 'utf8')
  const file = join(up.home, 'long.cast.zst')
  const identities = makeIdentities(farmPem, generateKeyPem())
  const recording = await writeLongRecording(file, identities, { seed, bytes, lengthUs, facts })
  await up.json('import', file)
  await up.json('reindex', recording.id)
  return recording
}

/** The list is shown; then a recording is clicked, with a moment in its address as share links have. */
async function openFromList(page: Page, up: Up, id: string, momentS: number): Promise<number> {
  await page.goto(up.url)
  await page.locator(`a[data-recording="${id}"]`).waitFor()
  return page.evaluate<number>(`new Promise((resolve) => {
    const link = document.querySelector('a[data-recording="${id}"]')
    link.href = '/recordings/${id}?t=${momentS}'
    const started = performance.now()
    link.click()
    ${whenPainted('started')}
  })`)
}

async function seekAbout(page: Page, count: number, random: () => number): Promise<number[]> {
  const bar = (await page.getByTestId('seek-bar').boundingBox())!
  const times: number[] = []
  for (let i = 0; i < count; i++) {
    const seen = page.evaluate<number>(`new Promise((resolve) => {
      addEventListener('pointerdown', () => {
        const started = performance.now()
        ${whenPainted('started')}
      }, { capture: true, once: true })
      globalThis.listening = true
    })`)
    await page.waitForFunction('globalThis.listening')
    await page.mouse.move(bar.x, bar.y - 200)
    const share = random()
    await page.mouse.click(bar.x + share * bar.width, bar.y + bar.height / 2)
    times.push(await seen)
    await expectMoment(page, share)
    await page.evaluate('globalThis.listening = false')
  }
  return times
}

/** What is measured must be a seek to where the click was. */
async function expectMoment(page: Page, share: number): Promise<void> {
  const timeUs = Number(await page.getByTestId('screen').getAttribute('data-time-us'))
  const endUs = Number(await page.getByTestId('seek-bar').getAttribute('data-end-us'))
  if (Math.abs(timeUs / endUs - share) > 0.005)
    throw new Error(`A click at ${share} of the timeline went to ${timeUs / endUs} of it.`)
}

// A frame later than the seek's end at most: the emulator paints in the frame, and a message is handled behind it.
function whenPainted(started: string): string {
  return `
    const painted = new MessageChannel()
    painted.port1.onmessage = () => resolve(performance.now() - ${started})
    const look = () => {
      const screen = document.querySelector('[data-testid=screen][data-seeking=false]')
      if (screen?.querySelector('.xterm-rows')?.textContent.trim()) painted.port2.postMessage(0)
      else requestAnimationFrame(look)
    }
    requestAnimationFrame(look)`
}
