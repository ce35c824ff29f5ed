import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import type { Page } from 'playwright-core'
import { browserTests, notSignedIn } from '../helpers/browser.ts'
import { makeIdentities, makeStream, type SampleFrame } from '../helpers/sample-stream.ts'
import { until } from '../helpers/test-node.ts'
import { looksLike } from './desktop-page.ts'
import { textShown } from './player-page.ts'
import { heldDesktop, ticking } from './sample-desktops.ts'
import { output } from './sample-recordings.ts'
import { openStandIn, type StandIn } from './stand-in.ts'

// Files of the reviewer's own, played without anything of them going to a server.

const browserTest = browserTests()
const identities = makeIdentities()
const frames: SampleFrame[] = [
  [output(0, 'at the start'), output(5, '\r\nin frame one')],
  { gapUs: 5_000_000 },
  [output(12, '\r\nin frame two'), output(20, '\r\nat the end')],
]
let server: StandIn
let folder: string

test.before('the pages are served', async () => {
  server = await openStandIn(identities.farm.publicKey)
  folder = await mkdtemp(join(tmpdir(), 'tapedeck-file-'))
})
test.beforeEach(() => {
  server.signedIn = true
})
test.after.always('the server stops', async () => {
  await server?.close()
  await rm(folder, { recursive: true, force: true })
})

async function saved(name: string, bytes: Uint8Array | string): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, bytes)
  return path
}

/** Drops files, as from the desktop. */
async function drop(page: Page, files: Record<string, string | Uint8Array>): Promise<void> {
  const contents = Object.entries(files).map(([name, content]) => [
    name,
    Buffer.from(content).toString('base64'),
  ])
  const dataTransfer = await page.evaluateHandle(`(() => {
    const all = new DataTransfer()
    for (const [name, content] of ${JSON.stringify(contents)})
      all.items.add(new File([Uint8Array.fromBase64(content)], name))
    return all
  })()`)
  await page.dispatchEvent('body', 'drop', { dataTransfer })
}

const seekTo = async (page: Page, share: number) => {
  const bar = (await page.getByTestId('seek-bar').boundingBox())!
  await page.mouse.click(bar.x + bar.width * share, bar.y + bar.height / 2)
}

browserTest(
  'a recording chosen by somebody signed out plays, over its gap, and is called unproven',
  async (t, open) => {
    server.signedIn = false
    const { bytes } = await makeStream(identities, frames)
    const page = await open(`${server.url}/file`, { expected: [notSignedIn] })
    await page.getByTestId('file-input').setInputFiles(await saved('ward.cast.zst', bytes))
    await page.getByTestId('unproven-file').waitFor()
    const asked = server.requests.length
    await page.getByTestId('open-unproven').click()
    await textShown(page, 'at the start')
    await seekTo(page, 0.4)
    await page.getByTestId('gap').waitFor()
    await seekTo(page, 0.99)
    await textShown(page, 'in frame two')
    await page.getByText('ada@ward-7').waitFor()
    await page.getByText('file, not proven').waitFor()
    t.is(await page.getByTestId('verify').count(), 0)
    t.deepEqual(server.requests.slice(asked), [], 'nothing is asked of the server')
  },
)

browserTest('one that is torn plays up to where it decodes', async (t, open) => {
  const { bytes, boundaries } = await makeStream(identities, frames, { end: false })
  const page = await open(`${server.url}/file`)
  const torn = bytes.subarray(0, boundaries.at(-1)! - 60)
  await page.getByTestId('file-input').setInputFiles(await saved('torn.cast.zst', torn))
  await page.getByTestId('open-unproven').click()
  await textShown(page, 'at the start')
  await page.keyboard.press('End')
  await textShown(page, 'in frame two')
  t.pass()
})

browserTest('asciicasts of each version, dropped anywhere', async (t, open) => {
  const v1 = {
    version: 1,
    width: 80,
    height: 24,
    duration: 9,
    stdout: [
      [1, 'one'],
      [8, ' v1 end'],
    ],
  }
  const v2 = [{ version: 2, width: 80, height: 24, title: 'two' }, [1, 'o', 'one'], [9, 'o', ' v2 end']]
  const v3 = [{ version: 3, term: { cols: 80, rows: 24 } }, [1, 'o', 'one'], [8, 'o', ' v3 end']]
  const lines = (values: unknown[]) => values.map((value) => `${JSON.stringify(value)}\n`).join('')
  const page = await open(server.url)
  await page.getByTestId('search').waitFor()
  for (const [name, text] of [
    ['v1', JSON.stringify(v1)],
    ['v2', lines(v2)],
    ['v3', lines(v3)],
  ] as const) {
    await drop(page, { [`${name}.cast`]: text })
    await page.getByTestId('open-unproven').click()
    await seekTo(page, 0.5)
    await textShown(page, 'one')
    await page.keyboard.press('End')
    await textShown(page, `${name} end`)
    t.is(await page.getByTestId('seek-bar').getAttribute('data-end-us'), '9000000')
  }
})

browserTest('what is no recording says so', async (t, open) => {
  const page = await open(server.url)
  await page.getByTestId('search').waitFor()
  await drop(page, { 'notes.cast': 'nothing of the sort\n' })
  await page.getByTestId('open-unproven').click()
  await page.getByTestId('error').waitFor()
  await until(async () => (await page.getByTestId('error-code').textContent()) !== '')
  await page.getByRole('button', { name: 'Try again' }).click()
  await page.getByTestId('choose-file').waitFor()
  t.pass()
})

browserTest("a desktop's screen, alone and with its timeline", async (t, open) => {
  const { screen, bytes, blocks } = await heldDesktop(identities, 7, ticking(40))
  const page = await open(server.url)
  await page.getByTestId('search').waitFor()
  const asked = server.requests.length
  for (const files of [{ 'a.rfb.zst': screen }, { 'b.cast.zst': bytes, 'b.rfb.zst': screen }]) {
    await drop(page, files)
    await page.getByTestId('open-unproven').click()
    await looksLike(page, blocks, 0)
    await page.keyboard.press('Control+ArrowRight')
    await looksLike(page, blocks, 30_000)
    await page.keyboard.press('End')
    await looksLike(page, blocks, 39_000)
    await page.getByText('ada@ward-7').waitFor()
  }
  await drop(page, { 'a.rfb.zst': screen, 'b.rfb.zst': screen })
  await page.getByTestId('open-unproven').click()
  t.is(await page.getByTestId('error-code').textContent(), 'same-streams')
  const recordings = server.requests.slice(asked).filter((request) => request.includes('/recordings'))
  t.deepEqual(recordings, [], 'nothing of it is asked of the server')
})
