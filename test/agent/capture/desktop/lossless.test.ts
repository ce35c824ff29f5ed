import test from 'ava'
import { rfbSource } from '../../../../agent/capture/desktop/desktop-source.ts'
import { dress, missingPrograms, parkPointer, startDesktop } from '../../../helpers/desktop.ts'
import { eventually } from '../../../helpers/eventually.ts'
import { difference } from '../../../helpers/picture.ts'
import { mark, record } from '../../../helpers/recorded-desktop.ts'
import { fbsBlocks, replay, zstdcat } from '../../../helpers/replay.ts'

const missing = missingPrograms(
  'Xvnc',
  'openbox',
  'xterm',
  'chromium',
  'ffplay',
  'xdotool',
  'xwd',
  'xsetroot',
  'xrandr',
)
const real = missing ? test.skip : test
if (missing) test.skip(`desktops: ${missing}`, () => undefined)

real('every marked moment of a desktop replays to the pixels of its X server', async (t) => {
  const desktop = await startDesktop(t, { geometry: '1024x768' })
  await dress(desktop)
  const recorded = await record(t, rfbSource({ address: { path: desktop.socket } }))
  const marks = [await mark(recorded, desktop.picture)]
  const term = await desktop.xterm('shell', {
    geometry: '80x24+20+20',
    command: String.raw`ls -l /usr/bin; printf '\a\a'; exec cat`,
  })
  marks.push(await mark(recorded, desktop.picture))
  await desktop.run('xdotool', 'windowmove', term, '400', '300')
  marks.push(await mark(recorded, desktop.picture))
  await desktop.run('xdotool', 'type', '--window', term, 'The pointer, the letters, the lines.')
  marks.push(await mark(recorded, desktop.picture))
  const lines = Array.from({ length: 200 }, (_, i) => `<p>${i}. Grüße, 你好, 👩‍💻: a line of a long page</p>`)
  const page = await desktop.page(
    'page',
    `<body style="background:linear-gradient(#fff,#9cf)">${lines.join('')}`,
  )
  await desktop.run('xdotool', 'windowsize', page, '500', '400', 'windowmove', page, '200', '200')
  marks.push(await mark(recorded, desktop.picture))
  await desktop.run('xdotool', 'windowactivate', page, 'key', 'Page_Down')
  marks.push(await mark(recorded, desktop.picture))
  const player = await desktop.video('testsrc2=size=320x240:rate=25', 600, 40)
  await eventually(async () => {
    const times = new Set((await recorded.rectangles()).map(({ timeMs }) => timeMs))
    if ([...times].filter((timeMs) => timeMs > marks.at(-1)!.timeMs).length < 10)
      throw new Error('it does not play')
  })
  player.kill('SIGSTOP')
  marks.push(await mark(recorded, desktop.picture))
  await desktop.run('xrandr', '-s', '1280x720')
  await parkPointer(desktop)
  marks.push(await mark(recorded, desktop.picture))
  t.is(marks.at(-1)!.picture.width, 1280)
  await recorded.recorder.stop('stopped')
  t.is(await recorded.recorder.done, 'stopped')

  const blocks = fbsBlocks(await zstdcat(recorded.sink.path))
  for (const { timeMs, picture } of marks)
    t.is(difference(picture, await replay(blocks, timeMs)), undefined, `at ${timeMs} ms`)
  const report = await recorded.verify()
  t.true(report.whole, JSON.stringify(report))
  t.is(report.stream, 'rfb')
})
