import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser } from 'playwright-core'
import type { Up } from '../test/helpers/up.ts'
import { BarePage } from './bare-page.ts'
import type { Figure } from './main.ts'
import { watchMemory } from './renderer-memory.ts'

// What a page takes that plays and seeks about in a very large recording.

const looks = 10
const playMs = 20_000

/** A click, and the moment is seen. */
async function seek(page: BarePage, share: number): Promise<void> {
  const bar = await page.evaluate<{ x: number; y: number; width: number; height: number }>(
    `(({ x, y, width, height }) => ({ x, y, width, height }))(document.querySelector('[data-testid=seek-bar]').getBoundingClientRect())`,
  )
  await page.click(bar.x + share * bar.width, bar.y + bar.height / 2)
  await page.until(`(() => {
    const { timeUs, seeking } = document.querySelector('[data-testid=screen]').dataset
    const { endUs } = document.querySelector('[data-testid=seek-bar]').dataset
    return seeking === 'false' && Math.abs(timeUs / endUs - ${share}) < 0.005
  })()`)
}

export async function memoryFigures(
  browser: Browser,
  up: Up,
  id: string,
  seeks: number,
  random: () => number,
  prefix: '' | 'desktop_' = '',
): Promise<Figure[]> {
  const { url } = await up.json<{ url: string }>('link')
  const page = await BarePage.open(browser, url)
  await page.until("document.querySelector('[data-testid=search]') !== null")
  await page.evaluate(`location.href = '/recordings/${id}'`)
  await page.until("document.querySelector('[data-testid=screen][data-seeking=false]') !== null")
  const memory = await watchMemory(browser, () => page.send('HeapProfiler.collectGarbage'))
  for (let i = 0; i < seeks; i++) await seek(page, random())
  await page.evaluate(`(() => {
    const speed = document.querySelector('[data-testid=speed]')
    speed.value = '32'
    speed.dispatchEvent(new Event('change', { bubbles: true }))
    document.querySelector('[data-testid=play]').click()
  })()`)
  await sleep(playMs)
  await page.evaluate("document.querySelector('[data-testid=play]').click()")
  for (let look = 0; look < looks; look++) {
    await memory.lookAtHeld()
    for (let i = 0; i < seeks / looks; i++) await seek(page, random())
  }
  await memory.lookAtHeld()
  const { heldMb, peakMb } = await memory.end()
  // What is measured next in this browser must not find it.
  await page.close()
  return [
    {
      key: `${prefix}page_memory_mb`,
      value: heldMb,
      bar: { atMost: 150 },
      about: `what the page's process holds for itself once garbage is collected: the highest of ${looks + 1} looks, after ${seeks} seeks and 20 s at 32 times the speed, and between as many seeks again`,
    },
    {
      key: `${prefix}page_memory_peak_mb`,
      value: peakMb,
      about: 'until the first look, with garbage, of which a browser leaves more on larger machines',
    },
  ]
}
