import test from 'ava'
import { rfbSource } from '../../../../agent/capture/desktop/desktop-source.ts'
import { dress, missingPrograms, parkPointer, startDesktop } from '../../../helpers/desktop.ts'
import { difference } from '../../../helpers/picture.ts'
import { mark, record } from '../../../helpers/recorded-desktop.ts'
import { fbsBlocks, replay, zstdcat } from '../../../helpers/replay.ts'

const missing = missingPrograms('Xvnc', 'openbox', 'xterm', 'xdotool', 'xwd', 'xsetroot', 'xrandr')
const real = missing ? test.skip : test
if (missing) test(`skipped: ${missing}`, (t) => t.pass())

real('every marked moment of a desktop replays to the pixels of its X server', async (t) => {
  const desktop = await startDesktop(t, { geometry: '1024x768' })
  await dress(desktop)
  const recorded = await record(t, rfbSource({ address: { path: desktop.socket } }))
  const marks = [await mark(recorded, desktop.picture)]
  const term = await desktop.xterm('shell', { geometry: '80x24+20+20', command: 'ls -l /usr/bin; exec cat' })
  marks.push(await mark(recorded, desktop.picture))
  await desktop.run('xdotool', 'windowmove', term, '400', '300')
  marks.push(await mark(recorded, desktop.picture))
  await desktop.run('xdotool', 'type', '--window', term, 'The pointer, the letters, the lines.')
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
