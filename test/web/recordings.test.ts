import test from 'ava'
import type { Page } from 'playwright-core'
import type { Recording } from '../../web/api/recording.ts'
import { browserTests, notSignedIn } from '../helpers/browser.ts'
import { makeIdentities, sampleId } from '../helpers/sample-stream.ts'
import { until } from '../helpers/test-node.ts'
import { recordingOf } from './sample-recordings.ts'
import { openStandIn, type StandIn } from './stand-in.ts'

// The list in its five faces: loading, empty, normal, huge, error; by pointer and by keyboard.

const browserTest = browserTests()
const identities = makeIdentities()
const huge = 5000
let server: StandIn

test.before('the pages are served', async () => {
  server = await openStandIn(identities.farm.publicKey)
})
test.beforeEach(() => {
  server.held.clear()
  server.answers.clear()
  server.requests.length = 0
})
test.after.always('the server stops', () => server?.close())

/** The `i`th recording, an hour older than the one before it. */
function add(i: number, more: Partial<Recording> = {}): Recording {
  const recording = recordingOf(sampleId(i), {
    start: new Date(1_790_000_000_000 - i * 3_600_000).toISOString(),
    user: ['ada', 'grace'][i % 2]!,
    command: `bash -c ${i}`,
    ...more,
  })
  server.held.set(recording.id, { recording, bytes: new Uint8Array() })
  return recording
}

const links = (page: Page) => page.getByTestId('recording-link')
const scroll = (page: Page, to: string) => page.evaluate(`document.querySelector('.main').scrollTop = ${to}`)

browserTest('loading, empty and what to do then', async (t, open) => {
  server.answers.set('GET /api/recordings', { status: 200, body: { recordings: [] }, afterMs: 1500 })
  const page = await open(server.url, { permissions: ['clipboard-read', 'clipboard-write'] })
  await page.getByRole('status', { name: 'Loading' }).waitFor()
  await page.getByTestId('empty').waitFor()
  t.is(await page.getByRole('status', { name: 'Loading' }).count(), 0)
  await page.getByRole('button', { name: 'Copy the command' }).click()
  t.regex(await page.evaluate('navigator.clipboard.readText()'), /^\.\/tapedeck record/)
  await page.getByRole('link', { name: 'Live', exact: true }).click()
  await page.getByRole('heading', { name: 'No session is running' }).waitFor()
})

browserTest('five thousand rows scroll to the last, drawn only where they are seen', async (t, open) => {
  for (let i = 0; i < huge; i++) add(i)
  const page = await open(server.url)
  await links(page).first().waitFor()
  await until(async () => {
    await scroll(page, '1e9')
    return (await page.getByText('5,000 recordings').count()) === 1
  }, 120_000)
  for (const row of [0, 17, 1234, 2500, 4999]) {
    await scroll(page, `${row * 44}`)
    const link = page.locator(`[data-recording="${sampleId(row)}"]`)
    await link.waitFor()
    const { y } = (await link.boundingBox())!
    t.true(y > 0 && y < page.viewportSize()!.height, `row ${row} is where it belongs: ${y}`)
    t.true((await links(page).count()) < 60, 'what is not seen is not drawn')
  }
})

browserTest('by keyboard: down, up, home, end and enter', async (t, open) => {
  for (let i = 0; i < 60; i++) add(i)
  const page = await open(server.url)
  await links(page).first().waitFor()
  const selected = () =>
    page.locator('tr.selected [data-testid=recording-link]').getAttribute('data-recording')
  for (const [key, row] of [
    ['ArrowDown', 0],
    ['ArrowDown', 1],
    ['ArrowUp', 0],
    ['Home', 0],
  ] as const) {
    await page.keyboard.press(key)
    t.is(await selected(), sampleId(row), key)
  }
  for (let i = 0; i < 30; i++) await page.keyboard.press('ArrowDown')
  t.is(await selected(), sampleId(30))
  const row = (await page.locator('tr.selected').boundingBox())!
  t.true(row.y > 48 && row.y + row.height <= page.viewportSize()!.height, 'the selected row is in view')
  await page.keyboard.press('Enter')
  await page.waitForURL(`**/recordings/${sampleId(30)}`)
  // Back, the list is as it was left.
  const top = () => page.evaluate<number>("document.querySelector('.main').scrollTop")
  await page.goBack()
  await page.locator('tr.selected').waitFor()
  t.is(await selected(), sampleId(30))
  t.true((await top()) > 0)
  await page.keyboard.press('Home')
  await until(async () => (await top()) === 0)
  await links(page).nth(3).click()
  await page.waitForURL(`**/recordings/${sampleId(3)}`)
})

browserTest('after a flood of new sessions the list begins again, without a hole', async (t, open) => {
  for (let i = 0; i < 60; i++) add(i)
  const page = await open(server.url)
  await links(page).first().waitFor()
  for (let i = 1000; i < 1120; i++) add(i, { start: new Date(1_795_000_000_000 - i * 1000).toISOString() })
  await until(
    async () => (await links(page).first().getAttribute('data-recording')) === sampleId(1000),
    20_000,
  )
  await until(async () => {
    await scroll(page, '1e9')
    return (await page.getByText('180 recordings').count()) === 1
  }, 30_000)
  t.pass()
})

browserTest('filters are chips that go, stay in the address, and combine with a search', async (t, open) => {
  for (let i = 0; i < 20; i++) add(i)
  add(20, { user: 'grace', command: 'vim a special file' })
  const page = await open(server.url)
  await links(page).first().waitFor()
  await page.getByTestId('add-filter').selectOption('user')
  await page.getByLabel('User').fill('grace')
  await page.keyboard.press('Enter')
  await page.getByTestId('chip-user').waitFor()
  await until(async () => (await links(page).count()) === 11)
  await page.getByTestId('search').fill('special')
  await until(async () => (await links(page).count()) === 1)
  t.is(new URL(page.url()).search, '?user=grace&q=special')
  await page.reload()
  await until(async () => (await links(page).count()) === 1)
  t.is(await page.getByTestId('search').inputValue(), 'special')
  await page.getByRole('button', { name: 'Remove the filter User' }).click()
  await page.getByTestId('search').fill('no such thing')
  await page.getByTestId('empty').waitFor()
  await page.getByRole('link', { name: 'Remove all filters' }).click()
  await until(async () => (await links(page).count()) === 21)
  t.is(await page.getByTestId('search').inputValue(), '')
  // A day is the reader's own, and the last one is included.
  await page.getByTestId('add-filter').selectOption('to')
  await page.getByLabel('Until').fill('2026-09-21')
  await page.keyboard.press('Enter')
  await page.getByTestId('chip-to').waitFor()
  await until(async () =>
    server.requests.some((request) => request.includes('to=2026-09-22T00%3A00%3A00.000Z')),
  )
  await page.getByTestId('sort-start').click()
  await until(async () => (await links(page).first().getAttribute('data-recording')) === sampleId(20))
})

browserTest('a session that begins or ends shows by itself and moves nothing else', async (t, open) => {
  for (let i = 0; i < 200; i++) add(i)
  const page = await open(server.url)
  await links(page).first().waitFor()
  await scroll(page, '1000')
  const row = page.locator(`[data-recording="${sampleId(30)}"]`)
  await row.waitFor()
  const before = (await row.boundingBox())!.y
  const live = add(1000, { start: new Date().toISOString(), state: 'live' })
  await until(async () => (await page.getByTestId('live-count').textContent()) === '1 live', 20_000)
  await until(async () => (await row.boundingBox())!.y === before)
  await scroll(page, '0')
  const added = page.locator('tr', { has: page.locator(`[data-recording="${live.id}"]`) })
  await added.getByTestId('live-pill').waitFor()
  server.held.get(live.id)!.recording.state = 'complete'
  await added.getByTestId('live-pill').waitFor({ state: 'detached' })
  t.pass()
})

browserTest(
  'an error is said and can be tried again, and one on the way down keeps the rows',
  async (t, open) => {
    for (let i = 0; i < 80; i++) add(i)
    const refusal = { error: { code: 'catalog-away', text: 'The catalog does not answer.', hint: '' } }
    server.answers.set('GET /api/recordings', { status: 503, body: refusal })
    const page = await open(server.url, { expected: [/status of 503/] })
    await page.getByTestId('error').waitFor()
    t.is(await page.getByTestId('error-code').textContent(), 'catalog-away')
    server.answers.clear()
    await page.getByRole('button', { name: 'Try again' }).click()
    await links(page).first().waitFor()
    server.answers.set('GET /api/recordings', { status: 503, body: refusal })
    await scroll(page, '1e6')
    await page.getByTestId('error').waitFor()
    t.true((await links(page).count()) > 0)
    server.answers.clear()
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.getByText('80 recordings').waitFor()
  },
)

browserTest('who is signed out meanwhile signs in and is where they were', async (t, open) => {
  add(1)
  const page = await open(`${server.url}/?user=grace`, { expected: [notSignedIn] })
  await links(page).first().waitFor()
  server.signedIn = false
  server.answers.set('GET /api/recordings', {
    status: 401,
    body: { error: { code: 'not-signed-in', text: 'You are not signed in, or no longer.' } },
  })
  await page.getByTestId('sign-in').waitFor()
  server.answers.clear()
  await page.getByLabel('User').fill('ada')
  await page.getByLabel('Password').fill('secret')
  await page.getByTestId('sign-in').click()
  await links(page).first().waitFor()
  t.is(new URL(page.url()).search, '?user=grace')
})
