import { readFile } from 'node:fs/promises'
import test from 'ava'
import type { Page } from 'playwright-core'
import { browserTests } from '../helpers/browser.ts'
import { makeIdentities } from '../helpers/sample-stream.ts'
import { until } from '../helpers/test-node.ts'
import { openPlayer } from './player-page.ts'
import { heldOf, output } from './sample-recordings.ts'
import { openStandIn, type StandIn } from './stand-in.ts'

// Every page by keyboard alone, with names for what can be pressed, and colours that can be read.

const browserTest = browserTests()
const identities = makeIdentities()
let server: StandIn
let recording = ''

test.before('the pages are served', async () => {
  server = await openStandIn(identities.farm.publicKey)
  const held = await heldOf(identities, 1, [[output(0, 'a'), output(20, 'b')]])
  server.held.set(held.recording.id, held)
  recording = `/recordings/${held.recording.id}`
})
test.after.always('the server stops', () => server?.close())

/** Tabs from the top until the focus leaves the page; gives what was focused, and fails where that cannot be seen. */
async function tabThrough(page: Page): Promise<string[]> {
  const stops: string[] = []
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press('Tab')
    const stop = await page.evaluate<{ name: string; outline: string } | undefined>(`(() => {
      const element = document.activeElement
      if (!element || element === document.body) return undefined
      const label = element.closest('label')?.textContent
      const name = element.getAttribute('aria-label') || label || element.textContent || element.title
      const { outlineStyle, outlineWidth } = getComputedStyle(element)
      return { name: name.trim(), outline: outlineStyle === 'none' ? '' : outlineWidth }
    })()`)
    if (!stop) return stops
    if (stop.name === '') throw new Error(`The stop after ${stops.at(-1)} has no name.`)
    if (!(Number.parseFloat(stop.outline) >= 1)) throw new Error(`The focus on ${stop.name} cannot be seen.`)
    stops.push(stop.name)
  }
  throw new Error(`The keyboard does not get out: ${stops}`)
}

browserTest('every page can be used by keyboard, and the focus is always seen', async (t, open) => {
  const page = await open(server.url)
  await page.getByTestId('recording-link').waitFor()
  const list = await tabThrough(page)
  for (const name of ['Tapedeck', 'Recordings', 'Live', 'Search recordings', 'Add a filter'])
    t.true(list.includes(name), `${name} in ${list}`)
  await page.goto(server.url + recording)
  await openPlayer(page)
  const player = await tabThrough(page)
  for (const name of [
    ...['Position', 'Play (space)', '7 seconds back', 'Speed', 'Skip idle', 'Shade idle', 'Fit'],
    ...['Share', 'Hide the panel', 'Full screen (F11)', 'Copy the id', 'Check again'],
  ])
    t.true(player.includes(name), `${name} in ${player}`)
  await page.goto(`${server.url}/account`)
  await page.getByRole('heading', { name: 'ada' }).waitFor()
  t.true((await tabThrough(page)).includes('New password'))
})

browserTest('menus open, move and close by keyboard', async (t, open) => {
  const page = await open(server.url)
  const menu = page.getByTestId('account-menu')
  await menu.focus()
  await page.keyboard.press('Enter')
  await page.getByRole('menuitem', { name: 'Account' }).waitFor()
  await page.keyboard.press('ArrowDown')
  t.is(await page.evaluate('document.activeElement.textContent'), 'Account')
  await page.keyboard.press('ArrowUp')
  t.is(await page.evaluate('document.activeElement.textContent'), 'Sign out')
  await page.keyboard.press('Escape')
  t.is(await page.getByRole('menuitem').count(), 0)
  t.true(await menu.evaluate((element) => element === document.activeElement))
})

browserTest('the slider says where it is, and moves by keyboard', async (t, open) => {
  const page = await open(server.url + recording)
  await openPlayer(page)
  const slider = page.getByRole('slider', { name: 'Position' })
  await slider.focus()
  await page.keyboard.press('ArrowRight')
  await page
    .locator('[role=slider][aria-valuenow="5"][aria-valuetext="00:00:05"][aria-valuemax="20"]')
    .waitFor()
  t.pass()
})

browserTest('light and dark are chosen, kept, and follow the desktop', async (t, open) => {
  const page = await open(`${server.url}/account`, { colorScheme: 'dark' })
  const theme = () => page.evaluate('document.documentElement.dataset.theme')
  await page.getByTestId('theme-light').waitFor()
  t.is(await theme(), 'dark')
  await page.getByTestId('theme-light').click()
  t.is(await theme(), 'light')
  await page.reload()
  await page.getByTestId('theme-system').waitFor()
  t.is(await theme(), 'light')
  await page.getByTestId('theme-system').click()
  t.is(await theme(), 'dark')
  await page.emulateMedia({ colorScheme: 'light' })
  await until(async () => (await theme()) === 'light')
})

declare const document: { activeElement: unknown }

// Which text lies on which ground.
const pairs: [ink: string, ...grounds: string[]][] = [
  ['ink', 'ground', 'surface', 'surface-raised', 'surface-sunk', 'hover', 'accent-soft'],
  ['ink-soft', 'ground', 'surface', 'surface-raised', 'surface-sunk', 'hover', 'accent-soft'],
  ['ink-faint', 'ground', 'surface'],
  ['accent', 'ground', 'surface', 'accent-soft', 'hover'],
  ['accent-ink', 'accent'],
  ['live-ink', 'live'],
  ['severe', 'severe-soft'],
  ['medium', 'medium-soft'],
  ['good', 'good-soft'],
  ['terminal-ink', 'terminal', 'terminal-raised'],
  ['terminal-medium', 'terminal', 'terminal-medium-soft'],
]

test('every text has a contrast of 4.5:1 on every ground it lies on, in both themes', async (t) => {
  const css = await readFile(new URL('../../web/styles/tokens.css', import.meta.url), 'utf8')
  const tokens = (block: string) =>
    Object.fromEntries(
      [...block.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name, value]) => [name, value]),
    )
  const [light = '', dark = ''] = css.split(':root[data-theme="dark"]')
  for (const theme of [tokens(light), { ...tokens(light), ...tokens(dark) }])
    for (const [ink, ...grounds] of pairs)
      for (const ground of grounds) {
        const ratio = contrast(theme[ink]!, theme[ground]!)
        t.true(ratio >= 4.5, `${ink} ${theme[ink]} on ${ground} ${theme[ground]} has ${ratio.toFixed(2)}`)
      }
})

/** As WCAG 2 defines it. */
function contrast(a: string, b: string): number {
  const [light, dark] = [luminance(a), luminance(b)].toSorted((x, y) => y - x) as [number, number]
  return (light + 0.05) / (dark + 0.05)
}

function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  }) as [number, number, number]
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}
