import { readFile } from 'node:fs/promises'
import test from 'ava'
import { rfbSource } from '../../agent/capture/desktop/desktop-source.ts'
import { lossyDefaults } from '../../agent/capture/desktop/lossy-encoder.ts'
import { browserTests } from '../helpers/browser.ts'
import { dress, missingPrograms, startDesktop } from '../helpers/desktop.ts'
import { eventually } from '../helpers/eventually.ts'
import { difference } from '../helpers/picture.ts'
import { identities, markedMoments, record } from '../helpers/recorded-desktop.ts'
import { fbsBlocks, replay, zstdcat } from '../helpers/replay.ts'
import { makeStream, sampleId } from '../helpers/sample-stream.ts'
import { looksLike, picture } from './desktop-page.ts'
import { output, recordingOf } from './sample-recordings.ts'
import { openStandIn, type StandIn } from './stand-in.ts'

// A desktop of TigerVNC, recorded by the agent's recorder and seen in the player.

const missing = missingPrograms('Xvnc', 'openbox', 'xterm', 'ffplay', 'xdotool', 'xwd', 'xsetroot', 'xrandr')
const browserTest = browserTests()
const real: typeof browserTest = missing
  ? (title) => test.skip(`${title} (skipped: ${missing})`, () => undefined)
  : browserTest

/** Serves a file of a screen as a finished recording. */
async function serve(server: StandIn, path: string, endUs: number): Promise<string> {
  const id = sampleId()
  const { bytes } = await makeStream(identities, [[output(0, ''), output(endUs / 1e6, '')]], {
    recording: id,
  })
  const recording = recordingOf(id, { type: 'desktop', application: 'desktop', durationMs: endUs / 1000 })
  server.held.set(id, { recording, bytes, screen: await readFile(path) })
  return `${server.url}/recordings/${id}`
}

real('at every marked moment the player shows the pixels of the X server', async (t, open) => {
  const desktop = await startDesktop(t, { geometry: '800x600' })
  await dress(desktop)
  const recorded = await record(t, rfbSource({ address: { path: desktop.socket } }))
  const marks = await markedMoments(recorded, desktop, '1024x768')
  const blocks = fbsBlocks(await zstdcat(recorded.sink.path))
  const server = await openStandIn(identities.farm.publicKey)
  t.teardown(() => server.close())
  const url = await serve(server, recorded.sink.path, recorded.now() * 1000)
  const page = await open(url)
  for (const { timeMs, picture: shown } of marks.toReversed()) {
    await page.goto(`${url}?t=${timeMs / 1000}`)
    await looksLike(page, blocks, timeMs)
    t.is(difference(await picture(page), shown), undefined, `at ${timeMs} ms`)
  }
})

real('a video that was recorded lossy', async (t, open) => {
  const desktop = await startDesktop(t, { geometry: '640x480' })
  await dress(desktop)
  const lossy = { ...lossyDefaults }
  const recorded = await record(t, rfbSource({ address: { path: desktop.socket } }), { lossy })
  const video = await desktop.video('testsrc2=size=320x240:rate=25', 100, 100)
  await eventually(
    async () => {
      if ((await recorded.rectangles()).filter(({ encoding }) => encoding === 7).length < 40)
        throw new Error('nothing is lossy yet')
    },
    { timeoutMs: 30_000 },
  )
  const timeMs = recorded.now()
  video.kill('SIGSTOP')
  await recorded.recorder.stop('stopped')
  await recorded.recorder.done
  const blocks = fbsBlocks(await zstdcat(recorded.sink.path))
  const server = await openStandIn(identities.farm.publicKey)
  t.teardown(() => server.close())
  const url = await serve(server, recorded.sink.path, recorded.now() * 1000)
  const page = await open(`${url}?t=${timeMs / 1000}`)
  // Two decoders of JPEG round differently.
  await eventually(async () => {
    const [shown, wanted] = [await picture(page), await replay(blocks, timeMs)]
    const off = wanted.rgb.reduce((sum, value, i) => sum + Math.abs(value - shown.rgb[i]!), 0)
    if (!(off / wanted.rgb.length < 1)) throw new Error(`It is off by ${off / wanted.rgb.length} on average.`)
  })
  t.pass()
})
