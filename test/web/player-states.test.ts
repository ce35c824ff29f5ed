import test from 'ava'
import type { Page } from 'playwright-core'
import { browserTests, type OpenOptions } from '../helpers/browser.ts'
import { makeIdentities } from '../helpers/sample-stream.ts'
import { until } from '../helpers/test-node.ts'
import { atRest, isPlaying, openPlayer, positionIs, screen, screenText, textShown } from './player-page.ts'
import { heldOf, liveSample, output } from './sample-recordings.ts'
import { type Held, openStandIn, type StandIn } from './stand-in.ts'

// What is missing, unproven, damaged or refused is said, and what can be shown is shown; live sessions come and go.

const browserTest = browserTests()
const identities = makeIdentities()
const second = 1_000_000
let server: StandIn

test.before('the pages are served', async () => {
  server = await openStandIn(identities.farm.publicKey)
})
test.after.always('the server stops', () => server?.close())

function hold(held: Held): Held {
  server.held.set(held.recording.id, held)
  return held
}

async function play(
  open: (url: string, options?: OpenOptions) => Promise<Page>,
  { recording }: Held,
  options: OpenOptions & { atS?: number } = {},
): Promise<Page> {
  const { atS, ...rest } = options
  const page = await open(
    `${server.url}/recordings/${recording.id}${atS === undefined ? '' : `?t=${atS}`}`,
    rest,
  )
  await openPlayer(page)
  return page
}

async function framesOf({ recording }: Held): Promise<{ bodyOffset: number; bodySize: number }[]> {
  const answer = await fetch(`${server.url}/api/recordings/${recording.id}/frames`)
  return ((await answer.json()) as { frames: { bodyOffset: number; bodySize: number }[] }).frames
}

const verdict = (page: Page) => page.getByTestId('verdict').textContent()

browserTest('a gap is shown, and playback goes on after it', async (t, open) => {
  const held = await heldOf(identities, 1, [
    [output(0, 'before'), output(2, ' the gap')],
    { gapUs: 30 * second },
    [output(33, '\r\nafter it')],
  ])
  const page = await play(open, hold(held))
  t.is(await page.getByTestId('gap').count(), 0)
  await page.keyboard.press('ArrowRight')
  await positionIs(page, 5 * second)
  t.regex(
    (await page.getByTestId('gap').textContent())!,
    /30 s are missing here.*00:00:02 to 00:00:32.*before it was saved/,
  )
  t.regex(await screenText(page), /^before the gap$/m)
  await page.getByTestId('speed').selectOption('4')
  await page.getByTestId('play').click()
  await textShown(page, /^after it$/m)
  await page.getByTestId('gap').waitFor({ state: 'detached' })
  t.regex((await verdict(page))!, /parts are missing/)
  t.regex((await page.getByTestId('verify').textContent())!, /30 s in 1 gap/)
})

browserTest('a tail without a seal plays and is not shown as proven', async (t, open) => {
  const live = await liveSample(identities, 2)
  const { recording } = hold(live.held)
  recording.state = 'dormant'
  live.held.bytes = Buffer.concat([live.held.bytes, await live.event(output(1, 'sent and never sealed'))])
  const page = await play(open, live.held, { atS: 1 })
  await textShown(page, 'sent and never sealed')
  t.regex((await verdict(page))!, /Nothing is sealed yet, so nothing is proven/)
  t.regex((await page.getByTestId('verify').textContent())!, /no seal covers them/)
  await page.getByText('dormant', { exact: true }).waitFor()
})

browserTest('a torn tail plays up to where it decodes', async (t, open) => {
  const second = Array.from({ length: 40 }, (_, i) => output(5 + i / 10, `piece ${i}\r\n`))
  const held = hold(await heldOf(identities, 3, [[output(0, 'whole\r\n')], second], { ended: false }))
  const { bodyOffset, bodySize } = (await framesOf(held))[1]!
  held.bytes = held.bytes.slice(0, bodyOffset + bodySize / 2)
  const page = await play(open, held)
  await textShown(page, 'whole')
  await page.keyboard.press('End')
  await atRest(page)
  const shown = await screenText(page)
  t.true(shown.includes('piece 9') && !shown.includes('piece 39'), shown)
})

browserTest('a damaged frame is a gap to the player, and the proof fails', async (t, open) => {
  const held = await heldOf(identities, 4, [
    [output(0, 'first\r\n'), output(4, 'still\r\n')],
    [output(5, 'x'.repeat(500)), output(14, 'y')],
    [output(15, 'third')],
  ])
  const { bodyOffset, bodySize } = (await framesOf(hold(held)))[1]!
  // Inside of a block: its sizes stay right.
  held.bytes.fill(0x55, bodyOffset + 12, bodyOffset + bodySize - 40)
  const page = await play(open, held)
  t.regex((await verdict(page))!, /The check failed/)
  await page.goto(`${page.url()}?t=8`)
  await openPlayer(page)
  t.regex((await page.getByTestId('gap').textContent())!, /it is damaged and cannot be read/)
  await page.keyboard.press('End')
  await textShown(page, 'third')
  t.regex(await screenText(page), /^first\nstill\nthird/)
})

browserTest('a recording that is damaged to its end plays up to there and says so', async (t, open) => {
  const held = hold(
    await heldOf(identities, 7, [[output(0, 'first\r\n'), output(4, 'second\r\n')], [output(5, 'third')]]),
  )
  const { bodyOffset, bodySize } = (await framesOf(held))[0]!
  // The SEAL of the first frame: where the next part begins is not known any more.
  held.bytes.fill(0x7f, bodyOffset + bodySize, bodyOffset + bodySize + 40)
  const page = await play(open, held)
  await page.keyboard.press('End')
  await textShown(page, /^first\nsecond/)
  t.regex((await page.getByTestId('damaged').textContent())!, /Damaged after 00:00:04/)
  t.regex((await verdict(page))!, /The check failed/)
})

browserTest('a live session is followed over a cut, rewound, and goes on', async (t, open) => {
  const live = await liveSample(identities, 5)
  const { recording } = hold(live.held)
  const add = async (atS: number, data: string) =>
    server.append(recording.id, await live.event(output(atS, data)))
  const page = await play(open, live.held, { expected: [/WebSocket connection/, /status of 426/] })
  await add(0.1, 'one ')
  await textShown(page, 'one')
  t.regex((await page.getByTestId('delay').textContent())!, /delay/)

  server.cut(true)
  await page.getByText('Connection lost').waitFor()
  await add(0.2, 'two ')
  server.cut(false)
  await textShown(page, 'one two')
  await page.getByText('Connection lost').waitFor({ state: 'detached' })

  await page.getByTestId('play').click()
  await until(async () => !(await isPlaying(page)))
  await add(0.3, 'three ')
  await page.getByTestId('go-live').waitFor()
  await atRest(page)
  t.false((await screenText(page)).includes('three'), 'paused, it stays where it is')
  await page.getByTestId('go-live').click()
  await textShown(page, 'one two three')
  await page.keyboard.press('Home')
  await page.getByTestId('go-live').waitFor()
  await page.keyboard.press('End')
  await page.getByTestId('go-live').waitFor({ state: 'detached' })
  // Played from behind, it catches up with the session and follows it.
  await page.keyboard.press('Home')
  await page.getByTestId('speed').selectOption('32')
  await page.getByTestId('go-live').waitFor({ state: 'detached' })
  await add(0.4, 'four')
  await textShown(page, 'one two three four')

  server.append(recording.id, await live.end(500_000))
  server.finish(recording.id)
  await page.getByTestId('live-pill').waitFor({ state: 'detached' })
  await positionIs(page, 500_000)
  t.regex((await verdict(page))!, /Whole and unchanged/)
})

browserTest('where live playback is off, the page says so and plays what is there', async (t, open) => {
  const live = await liveSample(identities, 10)
  const { recording } = hold(live.held)
  live.held.bytes = Buffer.concat([live.held.bytes, await live.event(output(1, 'recorded so far'))])
  server.cut(true)
  server.answers.set(`GET /api/recordings/${recording.id}/live`, {
    status: 403,
    body: {
      error: { code: 'live-off', text: 'Live playback is off (setting `live`).', hint: 'Switch it on.' },
    },
  })
  const page = await play(open, live.held, { expected: [/WebSocket connection/, /status of 403/] })
  await page.getByTestId('live-refused').waitFor()
  t.regex((await page.getByTestId('live-refused').textContent())!, /setting `live`.*Switch it on/)
  t.is(await page.getByTestId('live-pill').count(), 0)
  await page.keyboard.press('End')
  await textShown(page, 'recorded so far')
  server.cut(false)
  server.answers.clear()
})

browserTest('an answer that fails says what and why, and can be tried again', async (t, open) => {
  const held = hold(await heldOf(identities, 6, [[output(0, 'here it is')]]))
  const path = `/api/recordings/${held.recording.id}`
  const refusal = {
    error: { code: 'store-away', text: 'The store does not answer.', hint: 'Ask who runs it.' },
  }
  server.answers.set(`GET ${path}/frames`, { status: 503, body: refusal })
  const page = await open(server.url + path.slice(4), { expected: [/status of 50[03]/] })
  await page.getByTestId('error').waitFor()
  t.regex(
    (await page.getByTestId('error').textContent())!,
    /The store does not answer.*Ask who runs it.*store-away/,
  )
  server.answers.delete(`GET ${path}/frames`)
  server.answers.set(`GET ${path}/streams/cast`, { status: 500, body: refusal })
  server.answers.set(`GET ${path}/verify`, { status: 500, body: refusal })
  await page.getByRole('button', { name: 'Try again' }).click()
  await page.getByTestId('error').waitFor()
  // A check that did not run proves nothing.
  await page.getByTestId('verify').getByText('nothing is proven').waitFor()
  server.answers.clear()
  await page.getByRole('button', { name: 'Try again' }).click()
  await textShown(page, 'here it is')
  await page.getByTestId('error').waitFor({ state: 'detached' })
  await page.getByTestId('verify-again').click()
  await until(async () => /Whole/.test((await verdict(page)) ?? ''))
})

browserTest('a recording that is not there', async (t, open) => {
  const page = await open(`${server.url}/recordings/0198c450-6c00-7b86-b273-ff34fce19d6b`, {
    expected: [/status of 404/],
  })
  t.regex((await page.getByTestId('error').textContent())!, /Not found.*There is no such recording/)
})

browserTest(
  'while playing, frames are fetched before they are needed and each only once',
  async (t, open) => {
    const frames = Array.from({ length: 6 }, (_, i) => [output(i * 2, `frame ${i} `), output(i * 2 + 1, '.')])
    const held = hold(await heldOf(identities, 8, frames))
    const page = await play(open, held)
    await page.getByTestId('speed').selectOption('8')
    await page.getByTestId('play').click()
    await until(async () => !(await isPlaying(page)), 30_000)
    await page.keyboard.press('Home')
    await positionIs(page, 0)
    await page.keyboard.press('End')
    await textShown(page, 'frame 5')
    const asked = server.requests.filter((request) => request.includes(`${held.recording.id}/streams/`))
    t.is(asked.length, frames.length)
    t.is(await page.locator(screen).getByText('Loading').count(), 0)
  },
)
