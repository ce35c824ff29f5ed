import type { Page } from 'playwright-core'
import { launchChromium } from '../test/helpers/chromium.ts'
import { eventually } from '../test/helpers/eventually.ts'
import { openPty } from '../test/helpers/pty.ts'
import { type Listed, startUp } from '../test/helpers/up.ts'
import type { Figure } from './main.ts'
import { percentile } from './median.ts'

// How long a watched session's output takes to a reviewer's eyes: a recorded program writes what time it is, and the page
// looks at the clock of the same machine once the frame that shows it is painted. Everything in between is the product.

const samples = 200
/** Apart by chance, so that they meet every phase of what runs at intervals. */
const everyMs = { least: 40, most: 260 }
/** Shown and measured first: what happens once, such as compiling, is not the delay of a session. */
const warmUp = 20

/** Writes lines of `at number milliseconds-since-1970;` at random times. */
const program = `
import random, sys, time
for number in range(${samples + warmUp}):
    time.sleep(random.uniform(${everyMs.least}, ${everyMs.most}) / 1000)
    sys.stdout.write("at %d %.3f;\\n" % (number, time.time() * 1000))
    sys.stdout.flush()
sys.stdin.readline()
`

export async function run(): Promise<Figure[]> {
  const up = await startUp()
  const browser = await launchChromium()
  try {
    const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage()
    await page.goto(up.link)
    await page.getByTestId('search').waitFor()
    // It waits for a key, so that all of it is watched.
    const pty = openPty(up.recordCommand('python3', '-c', `input()\n${program}`))
    const id = await eventually(async () => {
      const [row] = await up.json<Listed[]>('list')
      if (!row) throw new Error('The session is not listed.')
      return row.id
    })
    await page.goto(`${up.url}/recordings/${id}`)
    await page.locator('[data-testid=screen][data-following=true]').waitFor()
    await watch(page)
    pty.write('\r')
    const delays = await eventually(
      async () => {
        const seen = await page.evaluate<number[]>('delays')
        if (seen.length < samples + warmUp) throw new Error(`${seen.length} samples`)
        return seen.slice(warmUp)
      },
      { timeoutMs: 180_000, everyMs: 500 },
    )
    pty.write('\r')
    await pty.exit
    return [
      {
        key: 'p95_ms',
        value: percentile(delays, 0.95),
        bar: { atMost: 250 },
        about: `from a recorded write to painted in Chromium, ${samples} samples`,
      },
      { key: 'p50_ms', value: percentile(delays, 0.5), about: 'the median of them' },
      { key: 'max_ms', value: Math.max(...delays), about: 'the slowest' },
    ]
  } finally {
    await browser.close()
    await up.stop()
  }
}

/** Collects in the page, for each line that is painted, how old it is then. */
function watch(page: Page): Promise<void> {
  return page.evaluate(`(() => {
    globalThis.delays = []
    const rows = document.querySelector('[data-testid=screen] .xterm-rows')
    const waiting = []
    const painted = new MessageChannel()
    painted.port1.onmessage = () => {
      const now = performance.timeOrigin + performance.now()
      for (const at of waiting.splice(0)) delays.push(now - at)
    }
    let last = -1
    new MutationObserver(() => {
      for (const [, number, at] of rows.textContent.matchAll(/at (\\d+) (\\d+\\.\\d+);/g)) {
        if (Number(number) <= last) continue
        last = Number(number)
        waiting.push(Number(at))
      }
      // The mutation was made in a frame; a message is handled once that frame is painted.
      painted.port2.postMessage(0)
    }).observe(rows, { subtree: true, childList: true, characterData: true })
  })()`)
}
