import test from 'ava'
import type { Page } from 'playwright-core'
import { concatBytes, utf8 } from '../../format/bytes.ts'
import { encodeBlock, fbsHeader } from '../../format/fbs.ts'
import { encodeHandshake, encodeServerInit } from '../../format/server-init.ts'
import { browserTests } from '../helpers/browser.ts'
import { type Block, fbsBlocks } from '../helpers/replay.ts'
import { openScreenWriter, type ScreenWriter } from '../helpers/sample-screen.ts'
import { facts, makeIdentities, makeStream, sampleId } from '../helpers/sample-stream.ts'
import { until } from '../helpers/test-node.ts'
import { look, lookAt, looksLike } from './desktop-page.ts'
import { position, screen } from './player-page.ts'
import { picture, small, step } from './sample-desktops.ts'
import { output, recordingOf } from './sample-recordings.ts'
import { openStandIn, type StandIn } from './stand-in.ts'

// A desktop that runs while it is watched.

const browserTest = browserTests()
const identities = makeIdentities()
const second = 1_000_000
let server: StandIn

test.before('the pages are served', async () => {
  server = await openStandIn(identities.farm.publicKey)
})
test.after.always('the server stops', () => server?.close())

interface Running {
  id: string
  writer: ScreenWriter
  /** All that was recorded so far. */
  blocks(): Block[]
  add(block: Uint8Array): Promise<void>
  push(bytes: Uint8Array): void
}

/** A session that began a minute ago, with a picture and a change of it. */
async function running(seed: number): Promise<Running> {
  const id = sampleId(seed)
  const writer = openScreenWriter(identities, id, { quick: true })
  const contents: Uint8Array[] = [
    fbsHeader,
    encodeBlock(encodeHandshake(encodeServerInit({ ...small, name: '' })), 0),
  ]
  const first = [picture(0, small, 0x334455), step(1000, small, 1)]
  const head = await writer.begin(0, small)
  const parts: Uint8Array[] = [head]
  for (const bytes of first) parts.push(await writer.add(bytes))
  contents.push(...first)
  const timeline = await makeStream(identities, [[output(0, '')]], { recording: id, end: false })
  const started = Date.now() - 60_000
  const recording = recordingOf(id, {
    ...{ type: 'desktop', state: 'live', durationMs: 0 },
    start: new Date(started).toISOString(),
  })
  server.held.set(id, { recording, bytes: timeline.bytes, screen: concatBytes(parts) })
  return {
    id,
    writer,
    blocks: () => fbsBlocks(Buffer.from(concatBytes(contents))),
    async add(block) {
      contents.push(block)
      server.append(id, await writer.add(block), 'rfb')
    },
    push: (bytes) => server.append(id, bytes, 'rfb'),
  }
}

const follows = (page: Page) => page.locator(`${screen}[data-following=true]`).waitFor()

browserTest('it is followed, rewound, and followed again, over the end of a frame', async (t, open) => {
  const live = await running(1)
  const page = await open(`${server.url}/recordings/${live.id}`, { viewport: { width: 1280, height: 800 } })
  await follows(page)
  const latest = () => looksLike(page, live.blocks(), Number.POSITIVE_INFINITY)
  await latest()
  for (const atS of [60, 61, 62]) {
    await live.add(step(atS * 1000, small, atS))
    await latest()
  }
  await page.keyboard.press('Home')
  await until(async () => (await position(page)) < 2 * second)
  await page.keyboard.press(' ')
  await looksLike(page, live.blocks(), (await position(page)) / 1000)
  const rewound = await look(page)
  // What comes meanwhile changes nothing of what is looked at.
  await live.add(step(63_000, small, 63))
  t.is(await look(page), rewound)
  await page.getByTestId('go-live').click()
  await follows(page)
  await latest()
  live.push(await live.writer.seal(64 * second))
  live.push(await live.writer.begin(65 * second, small))
  await live.add(picture(65_000, { width: 400, height: 300 }, 0x992233))
  await latest()
  server.cut(false)
  await live.add(step(66_000, { width: 400, height: 300 }, 66))
  await latest()
  live.push(await live.writer.seal(66 * second))
  live.push(live.writer.end(67 * second))
  server.finish(live.id)
  await page.getByTestId('live-pill').waitFor({ state: 'detached' })
  await latest()
  await page.keyboard.press('Home')
  await until(async () => (await look(page)) === (await lookAt(live.blocks(), 0)))
  await page.keyboard.press('PageDown')
  await looksLike(page, live.blocks(), 60_000)
  t.deepEqual(server.said, [], 'a player says nothing')
})

browserTest('bell, clipboard and title of a live desktop act on nothing', async (t, open) => {
  const live = await running(2)
  const page = await open(`${server.url}/recordings/${live.id}`, {
    permissions: ['clipboard-read', 'clipboard-write'],
  })
  await follows(page)
  await looksLike(page, live.blocks(), Number.POSITIVE_INFINITY)
  await page.evaluate(`navigator.clipboard.writeText('mine')`)
  const text = utf8('stolen')
  const cut = concatBytes([new Uint8Array([3, 0, 0, 0, 0, 0, 0, text.length]), text])
  server.append(live.id, await live.writer.add(encodeBlock(cut, 62_000)), 'rfb')
  server.append(live.id, await live.writer.add(encodeBlock(new Uint8Array([2]), 62_000)), 'rfb')
  live.push(await live.writer.seal(63 * second))
  live.push(await live.writer.begin(65 * second, small))
  await live.add(picture(65_000, small, 0x992233))
  const wanted = await lookAt(
    live.blocks().filter(({ bytes }) => bytes[0] !== 2 && bytes[0] !== 3),
    Number.POSITIVE_INFINITY,
  )
  await until(async () => (await look(page)) === wanted)
  t.is(await page.evaluate(`navigator.clipboard.readText()`), 'mine')
  t.regex(await page.title(), new RegExp(facts.user))
})
