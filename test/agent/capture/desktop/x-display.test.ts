import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import { findDesktops } from '../../../../agent/capture/desktop/find-desktops.ts'
import { xDisplaySource } from '../../../../agent/capture/desktop/x-display-source.ts'
import { dress, missingPrograms, parkPointer, startDesktop } from '../../../helpers/desktop.ts'
import { eventually } from '../../../helpers/eventually.ts'
import { difference, differing } from '../../../helpers/picture.ts'
import { mark, record } from '../../../helpers/recorded-desktop.ts'
import { fbsBlocks, replay, zstdcat } from '../../../helpers/replay.ts'

const execute = promisify(execFile)
const missing = missingPrograms(
  'Xvfb',
  'Xvnc',
  'x0vncserver',
  'openbox',
  'xterm',
  'xdotool',
  'xwd',
  'xauth',
  'mcookie',
)
const real = missing ? test.skip : test
if (missing) test.skip(`desktops: ${missing}`, () => undefined)

real('any X display is found, and recorded through x0vncserver with its Xauthority', async (t) => {
  const cookies = await startDesktop(t, { server: 'Xvfb', geometry: '640x480' })
  const xauthority = join(cookies.dir, 'Xauthority')
  await writeFile(xauthority, '')
  const cookie = (await execute('mcookie')).stdout.trim()
  await execute('xauth', ['-f', xauthority, 'add', ':99', '.', cookie])
  const desktop = await startDesktop(t, { server: 'Xvfb', geometry: '800x600', xauthority })
  await execute('xauth', ['-f', xauthority, 'add', desktop.display, '.', cookie])
  await dress(desktop)

  const found = (await findDesktops()).find(({ pid }) => pid === desktop.server.pid)
  t.like(found, {
    pid: desktop.server.pid!,
    uid: process.getuid!(),
    display: desktop.display,
    program: 'Xvfb',
    xauthority,
    filesOf: [process.getuid!()],
    rfb: undefined,
  })

  // As root, it runs as nobody: only the cookie lets it in, and only through a folder it may enter.
  const runAs = process.getuid!() === 0 ? { uid: 65_534, gid: 65_534 } : undefined
  await chmod(xauthority, 0o600)
  await chmod(cookies.dir, 0o711)
  const source = xDisplaySource({ ...found!, dir: join(cookies.dir, 'x0'), ...(runAs && { runAs }) })
  const recorded = await record(t, source)
  const marks = [await mark(recorded, desktop.picture)]
  const shell = await desktop.xterm('shell', { geometry: '60x20+10+10', command: 'ls -l /usr; exec cat' })
  marks.push(await mark(recorded, desktop.picture))
  await desktop.run('xdotool', 'windowmove', shell, '200', '150')
  marks.push(await mark(recorded, desktop.picture))

  const mode = '25.175 640 656 752 800 480 490 492 525'.split(' ')
  await desktop.run('xrandr', '--newmode', 'small', ...mode)
  await desktop.run('xrandr', '--addmode', 'screen', 'small')
  await desktop.run('xrandr', '--output', 'screen', '--mode', 'small')
  await parkPointer(desktop)
  marks.push(await mark(recorded, desktop.picture))
  t.is(marks.at(-1)!.picture.width, 640)

  // x0vncserver is killed: a gap, and what comes behind it.
  const [pid] = (await execute('pgrep', ['-f', join(cookies.dir, 'x0', 'rfb.sock')])).stdout
    .trim()
    .split('\n')
  process.kill(Number(pid), 'SIGKILL')
  await desktop.run('xdotool', 'windowmove', shell, '100', '50')
  await eventually(() => {
    if (!recorded.told.includes('lost')) throw new Error('nothing is lost')
  })
  marks.push(await mark(recorded, desktop.picture))

  await recorded.recorder.stop('stopped')
  const blocks = fbsBlocks(await zstdcat(recorded.sink.path))
  for (const { timeMs, picture } of marks)
    t.is(difference(picture, await replay(blocks, timeMs)), undefined, `at ${timeMs} ms`)
  const report = await recorded.verify()
  t.deepEqual(report.problems, [])
  t.deepEqual(
    report.gaps.map(({ reason }) => reason),
    ['crash'],
  )
  t.false(existsSync(join(cookies.dir, 'x0')), 'its socket is gone with it')
})

real('the pointer is a part of the picture, wherever it is', async (t) => {
  const desktop = await startDesktop(t, { geometry: '640x480' })
  await dress(desktop)
  const [found] = (await findDesktops()).filter(({ pid }) => pid === desktop.server.pid)
  t.deepEqual(found?.rfb, { address: { path: desktop.socket }, filesOf: [process.getuid!()] })
  const source = xDisplaySource({ display: desktop.display, dir: join(desktop.dir, 'x0') })
  const recorded = await record(t, source)
  await mark(recorded, desktop.picture)
  for (const [x, y] of [
    [200, 100],
    [320, 400],
  ] as const) {
    await desktop.run('xdotool', 'mousemove', String(x), String(y))
    await eventually(async () => {
      const pixels = differing(await desktop.picture(), await recorded.picture())
      const near = pixels.filter((at) => Math.abs(at.x - x) < 32 && Math.abs(at.y - y) < 32)
      if (near.length < 20 || near.length < pixels.length)
        throw new Error(`${near.length} of ${pixels.length} pixels are the pointer's`)
    })
  }
  await parkPointer(desktop)
  await mark(recorded, desktop.picture)
})

real('a display that is gone ends the recording', async (t) => {
  const desktop = await startDesktop(t, { server: 'Xvfb', geometry: '320x240' })
  const dir = join((await startDesktop(t, { server: 'Xvfb', geometry: '320x240' })).dir, 'x0')
  const recorded = await record(t, xDisplaySource({ display: desktop.display, dir }))
  // A server without a client forgets where its pointer is.
  await eventually(() => recorded.picture())
  await parkPointer(desktop)
  await mark(recorded, desktop.picture)
  desktop.server.kill('SIGKILL')
  t.is(await recorded.recorder.done, 'exit')
  t.deepEqual(recorded.told, ['lost', 'unreachable'])
  const report = await recorded.verify()
  t.true(report.whole, JSON.stringify(report))
})
