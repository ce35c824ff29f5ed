import type { Page } from 'playwright-core'
import type { Up } from '../test/helpers/up.ts'
import type { Figure } from './main.ts'
import { percentile } from './median.ts'

// What a reviewer does, and how long it takes by the page's own clock: from the click to the frame that shows the moment.

/** The list is shown; then a recording is clicked, with a moment in its address as share links have. */
export async function openFromList(page: Page, up: Up, id: string, momentS: number): Promise<number> {
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

/** `stream` = terminal or desktop; times in ms. */
export function seekFigures(stream: string, firsts: number[], seeks: number[], about: string): Figure[] {
  return [
    { key: `${stream}_first_ms`, value: percentile(firsts, 0.5), bar: { atMost: 300 }, about },
    { key: `${stream}_first_p95_ms`, value: percentile(firsts, 0.95), about: 'the same, p95' },
    {
      key: `${stream}_seek_p95_ms`,
      value: percentile(seeks, 0.95),
      bar: { atMost: 200 },
      about: `from a click on the timeline to painted, ${seeks.length} moments`,
    },
    { key: `${stream}_seek_p50_ms`, value: percentile(seeks, 0.5), about: 'the same, median' },
  ]
}

export async function seekAbout(page: Page, count: number, random: () => number): Promise<number[]> {
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

// A frame later than the seek's end at most: a screen is painted in the frame, and a message is handled behind it.
function whenPainted(started: string): string {
  return `
    const painted = new MessageChannel()
    painted.port1.onmessage = () => resolve(performance.now() - ${started})
    const look = () => {
      const screen = document.querySelector('[data-testid=screen][data-seeking=false]')
      if (screen?.querySelector('.xterm-rows')?.textContent.trim() || screen?.querySelector('canvas.desktop')?.width) painted.port2.postMessage(0)
      else requestAnimationFrame(look)
    }
    requestAnimationFrame(look)`
}
