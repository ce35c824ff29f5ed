import { readFile } from 'node:fs/promises'
import { zstdCompressSync } from 'node:zlib'
import test, { type ExecutionContext } from 'ava'
import type { Page } from 'playwright-core'
import { browserTests, type OpenOptions } from '../helpers/browser.ts'
import { makeIdentities, sampleId } from '../helpers/sample-stream.ts'
import { until } from '../helpers/test-node.ts'
import { acting, heldWithBody, killing, killingFrames, zstdBomb } from './hostile-recordings.ts'
import { atRest, isPlaying, openPlayer, screen, screenText, textShown } from './player-page.ts'
import { heldOf, liveSample, output, recordingOf } from './sample-recordings.ts'
import { type Held, openStandIn, type StandIn } from './stand-in.ts'

// Recorded bytes act on nothing but the emulated screen, and none can hang the page or bloat it.

const browserTest = browserTests()
const identities = makeIdentities()
/** Longer than this at a stretch is a hang. What hangs takes minutes, so a slow machine does not blur the line. */
const hangMs = 10_000
/** Of the page's process, which has some 150 MB when nothing is open. What bloats takes gigabytes. */
const pageMbMax = 900
const esc = '\u001b'
let server: StandIn

test.before('the pages are served', async () => {
  server = await openStandIn(identities.farm.publicKey)
})
test.after.always('the server stops', () => server?.close())

function hold(held: Held): Held {
  server.held.set(held.recording.id, held)
  return held
}

type Open = (url: string, options?: OpenOptions) => Promise<Page>

/** Opens the player and keeps the longest time in which the page did nothing else. */
async function play(open: Open, { recording }: Held, atS?: number): Promise<Page> {
  const page = await open(`${server.url}/`, { permissions: ['clipboard-read', 'clipboard-write'] })
  await page.addInitScript(() => {
    const kept = globalThis as unknown as { longestMs: number }
    kept.longestMs = 0
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) kept.longestMs = Math.max(kept.longestMs, entry.duration)
    }).observe({ type: 'longtask', buffered: true })
  })
  await page.goto(`${server.url}/recordings/${recording.id}${atS === undefined ? '' : `?t=${atS}`}`)
  await openPlayer(page)
  return page
}

async function stayedAlive(t: ExecutionContext, page: Page): Promise<void> {
  const longestMs = await page.evaluate<number>('longestMs')
  const mb = await peakMb(page)
  t.log(`longest ${longestMs.toFixed(0)} ms, most ${mb.toFixed(0)} MB`)
  t.true(longestMs < hangMs, `${longestMs} ms`)
  t.true(mb < pageMbMax, `${mb} MB`)
}

/** The most memory that the page's process ever had, in MB. */
async function peakMb(page: Page): Promise<number> {
  const session = await page.context().browser()!.newBrowserCDPSession()
  const { processInfo } = await session.send('SystemInfo.getProcessInfo')
  const renderers = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id)
  await session.detach()
  const peaks = await Promise.all(
    renderers.map(async (pid) => {
      const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
      return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024
    }),
  )
  return Math.max(...peaks)
}

browserTest('nothing recorded acts on the page, its clipboard, its title or the network', async (t, open) => {
  const live = await liveSample(identities, 1)
  const { recording } = hold(live.held)
  const page = await play(open, live.held)
  const title = await page.title()
  await page.evaluate("navigator.clipboard.writeText('mine')")
  const url = page.url()
  server.requests.length = 0
  let at = 0
  const add = async (data: string) => {
    at += 0.01
    server.append(recording.id, await live.event(output(at, data)))
  }
  for (const bytes of acting) await add(bytes)
  for (const bytes of acting) for (const piece of bytes.match(/.{1,3}/gsu) ?? []) await add(piece)
  await add(
    `${esc}\\${esc}[H${esc}[2J${esc}]8;;https://evil.example/c\u0007here https://evil.example/d${esc}]8;;\u0007 quiet`,
  )
  await textShown(page, /^here https:\/\/evil.example\/d quiet$/m)
  // A reviewer clicks and hovers where the link was.
  const box = (await page.locator(`${screen} .xterm-rows > div`).first().boundingBox())!
  for (const x of [5, 40, 120]) {
    await page.mouse.move(box.x + x, box.y + 5)
    await page.keyboard.down('Control')
    await page.mouse.click(box.x + x, box.y + 5)
    await page.keyboard.up('Control')
  }
  await page.keyboard.type('typed by a reviewer')
  await atRest(page)
  t.is(await page.title(), title)
  t.is(await page.evaluate('navigator.clipboard.readText()'), 'mine')
  t.is(page.url(), url)
  t.deepEqual(server.said, [], 'nobody is answered')
  t.deepEqual(
    server.requests.filter((request) => !request.startsWith('GET /api/status')),
    [],
  )
  t.is(await page.locator(`${screen} a`).count(), 0)
})

browserTest('what hangs an emulator hangs no page', async (t, open) => {
  const held = hold(await heldOf(identities, 2, killingFrames()))
  const page = await play(open, held)
  await page.getByTestId('speed').selectOption('16')
  await page.getByTestId('play').click()
  await until(async () => !(await isPlaying(page)), 120_000)
  await textShown(page, `alive after ${Object.keys(killing).at(-1)}`)
  // And by seeking, through what was left out and what was not.
  await page.keyboard.press('Home')
  for (const name of Object.keys(killing)) {
    await page.keyboard.press('ArrowRight')
    await textShown(page, `alive after ${name}`, 60_000)
  }
  await stayedAlive(t, page)
})

browserTest('sizes that no screen has are cut to one that it has', async (t, open) => {
  const sizes = ['100000x100000', '999999999x1', '1x999999999', '1000x1000', '0x0', '80x24']
  const events = sizes.flatMap((data, i) => [
    { timeUs: i * 1e6, code: 'r', data },
    output(i + 0.5, `${esc}[2J${esc}[H${'x'.repeat(3000)}${esc}[H${i}`),
  ])
  const page = await play(open, hold(await heldOf(identities, 3, [events])))
  for (const [i] of sizes.entries()) {
    if (i > 0) await page.keyboard.press('Home')
    await page.goto(`${page.url().split('?')[0]}?t=${i + 0.9}`)
    await textShown(page, new RegExp(`^${i}`), 60_000)
    t.true((await page.evaluate<number>('longestMs')) < hangMs, sizes[i])
  }
  t.true((await peakMb(page)) < pageMbMax, `${await peakMb(page)} MB`)
})

for (const [title, rawBytes] of [
  ['sealed as small', 1000],
  ['sealed as large', 2_621_440_000],
  ['without a seal', undefined],
] as const)
  browserTest(`a zstd bomb, ${title}, is not unpacked`, async (t, open) => {
    const id = sampleId(title.length)
    const page = await play(open, hold(await heldWithBody(identities, id, zstdBomb(), rawBytes)), 0.9)
    await textShown(page, 'before the bomb')
    await page.keyboard.press('End')
    await textShown(page, 'before the bomb')
    if (rawBytes) {
      await page.goto(`${server.url}/recordings/${id}?t=5`)
      await openPlayer(page)
      t.regex((await page.getByTestId('gap').textContent())!, /it is damaged/)
    }
    await stayedAlive(t, page)
  })

browserTest('two hundred thousand events in one frame', async (t, open) => {
  const lines = Array.from(
    { length: 200_000 },
    (_, i) => `[${(1 + i / 50_000).toFixed(6)}, "o", "a"]\n`,
  ).join('')
  const body = zstdCompressSync(lines)
  const held = hold(await heldWithBody(identities, sampleId(9), body, lines.length))
  const page = await play(open, held, 0)
  await page.keyboard.press('End')
  await textShown(page, /a{80}/)
  await stayedAlive(t, page)
})

browserTest('names that would break a page are text in it', async (t, open) => {
  const markup = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
  const names = [
    markup,
    '\u202egnp.exe',
    'a'.repeat(256),
    '漢'.repeat(200),
    '\u0000\u001b[31m',
    ' '.repeat(50),
  ]
  for (const [i, name] of names.entries()) {
    const more = { user: name, host: name, application: name, command: name, client: { name, address: name } }
    const held = await heldOf(identities, 20 + i, [[output(0, 'x')]], more)
    hold({ ...held, recording: recordingOf(held.recording.id, { ...held.recording, ...more }) })
  }
  const page = await open(server.url, { viewport: { width: 1280, height: 800 } })
  await page.getByTestId('recording-link').first().waitFor()
  const overflow = () =>
    page.evaluate<boolean>(
      'document.documentElement.scrollWidth > innerWidth || document.querySelector(".main").scrollWidth > document.querySelector(".main").clientWidth',
    )
  t.false(await overflow())
  t.is(await page.locator('img[src=x]').count(), 0)
  for (const i of names.keys()) {
    await page.goto(`${server.url}/recordings/${sampleId(20 + i)}`)
    await openPlayer(page)
    t.true((await page.title()).endsWith(' · Tapedeck'), names[i])
    t.false(await overflow(), names[i])
    for (const id of ['play', 'share', 'full-screen']) {
      const box = (await page.getByTestId(id).boundingBox())!
      t.true(
        box.x >= 0 && box.x + box.width <= 1280 && box.y + box.height <= 800,
        `${id} is seen with ${names[i]}`,
      )
    }
  }
  t.is(await page.locator('img[src=x]').count(), 0)
  t.false((await screenText(page)).includes('undefined'))
})
