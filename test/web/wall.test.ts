import test from 'ava'
import sharp from 'sharp'
import type { Recording } from '../../web/api/recording.ts'
import { browserTests } from '../helpers/browser.ts'
import { makeIdentities, sampleId } from '../helpers/sample-stream.ts'
import { until } from '../helpers/test-node.ts'
import { recordingOf } from './sample-recordings.ts'
import { openStandIn, type StandIn } from './stand-in.ts'

// Posters in the list, and the wall of sessions that run.

const browserTest = browserTests()
let server: StandIn
let picture: Uint8Array

test.before('the pages are served', async () => {
  server = await openStandIn(makeIdentities().farm.publicKey)
  picture = await sharp({ create: { width: 480, height: 300, channels: 3, background: '#385' } })
    .webp()
    .toBuffer()
})
test.beforeEach(() => {
  server.held.clear()
  server.requests.length = 0
})
test.after.always('the server stops', () => server?.close())

function add(i: number, poster: Uint8Array | undefined, more: Partial<Recording> = {}): string {
  const recording = recordingOf(sampleId(i), {
    start: new Date(Date.now() - i * 60_000).toISOString(),
    ...more,
  })
  server.held.set(recording.id, { recording, bytes: new Uint8Array(), ...(poster && { poster }) })
  return recording.id
}

const posters = (id: string) => server.requests.filter((line) => line.includes(`${id}/poster`)).length

browserTest(
  'a list shows what recordings look like, and a plain ground where that is not known',
  async (t, open) => {
    const [known, unknown] = [add(1, picture), add(2, undefined)]
    const page = await open(server.url)
    const poster = (id: string, what: string) =>
      page.evaluate(`document.querySelector('tr:has([data-recording="${id}"]) img')?.${what}`)
    await until(async () => (await poster(known, 'naturalWidth')) === 480)
    await until(async () => (await poster(unknown, 'className')) === 'missing')
    t.is(posters(known), 1, 'what has ended is asked for once')
  },
)

browserTest(
  'the wall shows sessions as they are now, those that are seen, and opens them',
  async (t, open) => {
    const ids = Array.from({ length: 40 }, (_, i) => add(i + 1, picture, { state: 'live' }))
    add(50, picture)
    const page = await open(`${server.url}/live`)
    await page.getByTestId('wall').waitFor()
    t.is(await page.getByTestId('recording-link').count(), 40, 'those that have ended are not on it')
    const [first, last] = [ids[0]!, ids.at(-1)!]
    await until(() => posters(first) >= 3)
    t.true(posters(last) <= 1, 'what is out of sight is not asked for again and again')
    await page.getByTestId('as-wall').click()
    await page.locator('table.recordings').waitFor()
    await page.reload()
    await page.locator('table.recordings').waitFor()
    await page.getByTestId('as-wall').click()
    await page.locator(`[data-recording="${first}"]`).click()
    await page.waitForURL(`**/recordings/${first}`)
  },
)
