import type { Page } from 'playwright-core'
import { eventually } from '../helpers/eventually.ts'

// What a person sees of the player, read from what is painted.

declare const requestAnimationFrame: (callback: (timeMs: number) => void) => number

export const screen = '[data-testid=screen]'

/** Keys that move from 600 s on, each to where, in a recording whose end is at `endS`. SPEC S14. */
export function keyMoves(endS: number): [string, number][] {
  return [
    ['ArrowRight', 605],
    ['ArrowLeft', 600],
    ['Control+ArrowRight', 630],
    ['Control+ArrowLeft', 600],
    ['PageDown', 660],
    ['PageUp', 600],
    ['Control+PageDown', 960],
    ['Control+PageUp', 600],
    ['End', endS],
    ['ArrowRight', endS],
    ['Home', 0],
    ['PageUp', 0],
  ]
}

/** The painted rows as text; ends of rows without their blanks. */
export function screenText(page: Page): Promise<string> {
  return page
    .locator(`${screen} .xterm-rows`)
    .evaluate((rows) =>
      [...rows.children].map((row) => (row.textContent ?? '').replaceAll('\u00a0', ' ').trimEnd()).join('\n'),
    )
}

/** The painted rows with their colours and the cursor: `‹classes; style›` before each stretch that looks alike. */
export function screenLook(page: Page): Promise<string[]> {
  return page.locator(`${screen} .xterm-rows`).evaluate((rows) =>
    [...rows.children].map((row) => {
      let line = ''
      let before = ''
      for (const span of row.children) {
        // How glyphs are spaced depends on what was measured first, not on the recording.
        const style = (span.getAttribute('style') ?? '').replace(/letter-spacing:[^;]*;?/, '').trim()
        const look = [...[...span.classList].sort(), style].join(' ').trim()
        if (look !== before) line += `‹${look}›`
        before = look
        line += (span.textContent ?? '').replaceAll('\u00a0', ' ')
      }
      return before === '' ? line.trimEnd() : line
    }),
  )
}

/** Where the player is, in µs. */
export async function position(page: Page): Promise<number> {
  return Number(await page.locator(screen).getAttribute('data-time-us'))
}

export async function isPlaying(page: Page): Promise<boolean> {
  return (await page.locator('[data-testid=play]').getAttribute('aria-label'))!.startsWith('Pause')
}

export function textShown(page: Page, text: string | RegExp, timeoutMs = 20_000): Promise<string> {
  return eventually(
    async () => {
      const shown = await screenText(page)
      if (typeof text === 'string' ? !shown.includes(text) : !text.test(shown))
        throw new Error(`The screen does not show ${text} but:\n${shown.trimEnd()}`)
      return shown
    },
    { timeoutMs },
  )
}

/** Waits until the player stands at `timeUs`, to within `byUs`, and shows it. */
export async function positionIs(page: Page, timeUs: number, byUs = 1): Promise<void> {
  await eventually(async () => {
    const now = await position(page)
    if (Math.abs(now - timeUs) > byUs)
      throw new Error(`The player is at ${now / 1e6} s, not at ${timeUs / 1e6} s.`)
  })
  await atRest(page)
}

/** Waits until nothing more is being drawn: the same picture in two frames, and again some frames later. */
export async function atRest(page: Page): Promise<void> {
  await page.locator(`${screen}[data-seeking=false]`).waitFor()
  await page.locator(`${screen} .xterm-rows`).evaluate(async (rows) => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve))
    let same = 0
    let last = ''
    while (same < 8) {
      await frame()
      const now = rows.textContent + rows.innerHTML
      same = now === last ? same + 1 : 0
      last = now
    }
  })
}

export async function openPlayer(page: Page): Promise<void> {
  await page.locator('[data-testid=player]').waitFor()
  await atRest(page)
}

/** Gives, when called, all that ever matched in the text of `selector` from now on: what shows too briefly to be asked for. */
export async function collect(
  page: Page,
  selector: string,
  pattern: RegExp,
): Promise<() => Promise<string[]>> {
  const name = `collected${Math.random().toString(36).slice(2)}`
  await page.evaluate(`(() => {
    const seen = globalThis.${name} = new Set()
    new MutationObserver(() => {
      const text = document.querySelector('${selector}')?.textContent ?? ''
      for (const [match] of text.matchAll(${pattern})) seen.add(match)
    }).observe(document.body, { subtree: true, childList: true, characterData: true })
  })()`)
  return () => page.evaluate<string[]>(`[...${name}]`)
}
