import test from 'ava'
import { rfbSource } from '../../../../agent/capture/desktop/desktop-source.ts'
import { lossyDefaults } from '../../../../agent/capture/desktop/lossy-encoder.ts'
import { dress, missingPrograms, startDesktop } from '../../../helpers/desktop.ts'
import { eventually } from '../../../helpers/eventually.ts'
import { type Area, difference } from '../../../helpers/picture.ts'
import { mark, record } from '../../../helpers/recorded-desktop.ts'
import { fbsBlocks, rectangles, replay, zstdcat } from '../../../helpers/replay.ts'
import { ssim } from '../../../helpers/ssim.ts'

const missing = missingPrograms('Xvnc', 'openbox', 'xterm', 'xdotool', 'xwd', 'xsetroot', 'ffplay')
const real = missing ? test.skip : test
if (missing) test.skip(`desktops: ${missing}`, () => undefined)

const video: Area = { x: 384, y: 128, width: 320, height: 256 }
const source = 'mandelbrot=size=320x256:rate=25'
const jpegs = (rectangle: { encoding: number }) => rectangle.encoding === 7

real('lossy: text stays exact beside a video, and the video is sharp once it stands still', async (t) => {
  const desktop = await startDesktop(t, { geometry: '800x600' })
  await dress(desktop)
  const recorded = await record(t, rfbSource({ address: { path: desktop.socket } }), { lossy: lossyDefaults })
  await desktop.xterm('shell', { geometry: '50x20+10+150', command: 'ls -l /usr; exec cat' })
  const player = await desktop.video(source, video.x, video.y)
  await eventually(async () => {
    const found = (await recorded.rectangles()).filter(jpegs)
    if (found.length < 20) throw new Error(`${found.length} JPEGs`)
  })
  player.kill('SIGSTOP')
  const still = await mark(recorded, desktop.picture, video)
  await eventually(async () => {
    const likeness = ssim(still.picture, await recorded.picture(), video)
    if (likeness < 0.9) throw new Error(`SSIM ${likeness}`)
  })
  await recorded.recorder.stop('stopped')
  const blocks = fbsBlocks(await zstdcat(recorded.sink.path))
  t.log('SSIM of the still video', ssim(still.picture, await replay(blocks), video))
  // Nothing but what plays is ever blurred: tiles are 64 pixels.
  for (const { x, y, width, height } of rectangles(blocks).filter(jpegs))
    t.true(
      x >= video.x &&
        y >= video.y &&
        x + width <= video.x + video.width &&
        y + height <= video.y + video.height,
    )
  t.true((await recorded.verify()).whole)
})

real('drop video: stripes stand for it while it plays, its last picture comes when it stops', async (t) => {
  const desktop = await startDesktop(t, { geometry: '800x600' })
  await dress(desktop)
  const lossy = { ...lossyDefaults, dropVideo: true }
  const recorded = await record(t, rfbSource({ address: { path: desktop.socket } }), { lossy })
  const player = await desktop.video(source, video.x, video.y)
  await eventually(async () => {
    const { width, rgb } = await recorded.picture()
    for (let y = video.y; y < video.y + video.height; y++)
      for (let x = video.x; x < video.x + video.width; x++) {
        const red = rgb[(y * width + x) * 3]
        if (red !== 80 && red !== 96) throw new Error(`no stripes at ${x},${y}`)
      }
  })
  // A second in which it plays on, and nothing of it is recorded.
  await eventually(async () => {
    const [bytes, since, shown] = [recorded.sink.durable, recorded.now(), await desktop.picture()]
    await eventually(async () => {
      if (recorded.now() < since + 1000) throw new Error('too early')
      if (!difference(shown, await desktop.picture())) throw new Error('it stands still')
    })
    if (recorded.sink.durable > bytes + 1000) throw new Error(`${recorded.sink.durable - bytes} bytes came`)
  })
  player.kill('SIGSTOP')
  await eventually(async () => {
    const likeness = ssim(await desktop.picture(), await recorded.picture(), video)
    if (likeness < 0.9) throw new Error(`SSIM ${likeness}`)
  })
  await recorded.recorder.stop('stopped')
  t.true((await recorded.verify()).whole)
})
