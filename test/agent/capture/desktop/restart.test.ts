import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { DesktopError } from '../../../../agent/capture/desktop/desktop-error.ts'
import { rfbSource } from '../../../../agent/capture/desktop/desktop-source.ts'
import type { StreamSink } from '../../../../agent/capture/desktop/stream-sink.ts'
import { encodeHandshake, encodeServerInit } from '../../../../format/server-init.ts'
import { dress, end, missingPrograms, startDesktop } from '../../../helpers/desktop.ts'
import { eventually } from '../../../helpers/eventually.ts'
import { difference } from '../../../helpers/picture.ts'
import { mark, record } from '../../../helpers/recorded-desktop.ts'
import { fbsBlocks, replay, zstdcat } from '../../../helpers/replay.ts'

const missing = missingPrograms('Xvnc', 'openbox', 'xdotool', 'xwd', 'xsetroot')
const real = missing ? test.skip : test
if (missing) test.skip(`desktops: ${missing}`, () => undefined)

real('a server that starts again, with another size, is a gap in one recording', async (t) => {
  const first = await startDesktop(t, { geometry: '640x480' })
  await dress(first)
  const recorded = await record(t, rfbSource({ address: { path: first.socket } }))
  const before = await mark(recorded, first.picture)
  await end(first.server)
  const second = await startDesktop(t, { geometry: '800x600', socket: first.socket })
  await dress(second)
  const after = await mark(recorded, second.picture)
  await recorded.recorder.stop('stopped')
  const blocks = fbsBlocks(await zstdcat(recorded.sink.path))
  for (const { timeMs, picture } of [before, after])
    t.is(difference(picture, await replay(blocks, timeMs)), undefined)
  const report = await recorded.verify()
  t.deepEqual(report.problems, [])
  t.deepEqual(
    report.gaps.map(({ reason }) => reason),
    ['crash'],
  )
  t.true(recorded.told.includes('lost'))
})

real('an agent that starts again goes on in the same stream', async (t) => {
  const desktop = await startDesktop(t, { geometry: '640x480' })
  await dress(desktop)
  const source = rfbSource({ address: { path: desktop.socket } })
  const startedMs = Date.now()
  const first = await record(t, source, { startedMs })
  const before = await mark(first, desktop.picture)
  await first.recorder.close()
  t.is(await first.recorder.done, undefined)
  t.false(first.sink.ended)

  await desktop.run('xsetroot', '-solid', '#773355')
  const second = await record(t, source, { startedMs, dir: first.dir })
  const after = await mark(second, desktop.picture)
  await second.recorder.stop('stopped')
  t.true(second.sink.ended)
  const blocks = fbsBlocks(await zstdcat(second.sink.path))
  for (const { timeMs, picture } of [before, after])
    t.is(difference(picture, await replay(blocks, timeMs)), undefined)
  const report = await second.verify()
  t.deepEqual([report.problems, report.gaps.length, report.end?.reason], [[], 1, 'stopped'])

  const third = await record(t, source, { startedMs, dir: first.dir })
  t.is(await third.recorder.done, 'exit', 'what has its END is not recorded again')
})

real('a full disk is a gap, and the recording goes on behind it', async (t) => {
  const desktop = await startDesktop(t, { geometry: '640x480' })
  await dress(desktop)
  let isFull = false
  const recorded = await record(t, rfbSource({ address: { path: desktop.socket } }), {
    wrap: (sink) =>
      Object.assign(Object.create(sink) as StreamSink, {
        async append(pieces: readonly Uint8Array[]) {
          if (isFull) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
          await sink.append(pieces)
        },
      }),
  })
  const before = await mark(recorded, desktop.picture)
  isFull = true
  await desktop.run('xsetroot', '-solid', '#773355')
  await eventually(() => {
    if (!recorded.told.includes('record-failed')) throw new Error('nothing failed')
  })
  isFull = false
  const after = await mark(recorded, desktop.picture)
  await recorded.recorder.stop('stopped')
  const blocks = fbsBlocks(await zstdcat(recorded.sink.path))
  for (const { timeMs, picture } of [before, after])
    t.is(difference(picture, await replay(blocks, timeMs)), undefined)
  const report = await recorded.verify()
  t.deepEqual([report.problems, report.gaps.length, report.end?.reason], [[], 1, 'stopped'])
})

test('a desktop that never was there is an error, and no recording', async (t) => {
  const recorded = await record(t, rfbSource({ address: { path: '/nonexistent/rfb.sock' } }))
  const error = await t.throwsAsync(recorded.recorder.done, { instanceOf: DesktopError })
  t.is((error as DesktopError).code, 'unreachable')
  t.is(recorded.sink.durable, 0)
})

// What no real server sends, behind a good handshake of a screen of 64 x 48.
const update = (rectangles: number, ...bytes: number[]) => [0, 0, rectangles >> 8, rectangles & 255, ...bytes]
const raw = (x: number, y: number, width: number, height: number) => [
  0,
  x,
  0,
  y,
  0,
  width,
  0,
  height,
  0,
  0,
  0,
  0,
]
const hostile: Record<string, { says: number[]; code: string }> = {
  'a rectangle outside the screen': { says: update(1, ...raw(60, 0, 10, 10)), code: 'rfb-rectangle' },
  'a screen of four gigapixels': {
    says: update(1, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 33),
    code: 'rfb-screen-size',
  },
  'zlib that was not asked for': {
    says: update(1, 0, 0, 0, 0, 0, 8, 0, 8, 0, 0, 0, 6),
    code: 'rfb-encoding',
  },
  'updates without a picture': { says: update(0), code: 'picture' },
  'a move before there is a picture': {
    says: update(1, 0, 0, 0, 0, 0, 8, 0, 8, 0, 0, 0, 1, 0, 9, 0, 9),
    code: 'picture',
  },
  'an update that ends in the middle': { says: update(1, ...raw(0, 0, 64, 48), 1, 2, 3), code: 'lost' },
}

for (const [name, { says, code }] of Object.entries(hostile))
  test(`hostile: ${name}`, async (t) => {
    const path = await listen(t, says)
    const recorded = await record(t, rfbSource({ address: { path } }))
    await eventually(() => {
      if (!recorded.told.includes(code)) throw new Error(recorded.told.join())
    })
    await recorded.recorder.close()
    t.is(recorded.sink.durable, 0, 'nothing is recorded that is no picture')
  })

/** A server that says all it ever says at once, and hangs up. */
async function listen(t: ExecutionContext, says: number[]): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'tapedeck-hostile-'))
  const path = join(dir, 'rfb.sock')
  const greeting = encodeHandshake(encodeServerInit({ width: 64, height: 48, name: 'trap' }))
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.end(Buffer.concat([greeting, ...Array(300).fill(Buffer.from(says))]))
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  t.teardown(async () => {
    server.close()
    await rm(dir, { recursive: true, force: true })
  })
  return path
}
