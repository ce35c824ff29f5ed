import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import sharp from 'sharp'
import { rfbSource } from '../../agent/capture/desktop/desktop-source.ts'
import { readIndexBlock } from '../../node/index/read-index.ts'
import { dress, missingPrograms, startDesktop } from '../helpers/desktop.ts'
import { needing } from '../helpers/needs.ts'
import { difference, type Picture } from '../helpers/picture.ts'
import { markedMoments, record } from '../helpers/recorded-desktop.ts'
import { filled, makeScreenStream, opening, update } from '../helpers/sample-screen.ts'
import { makeIdentities, makeStream } from '../helpers/sample-stream.ts'
import { run } from '../helpers/up.ts'
import { openIndexing, identities as storeIdentities } from '../node/index/index-parts.ts'

// `tapedeck export` of a desktop to pictures and videos, of a file, and the poster of the same recording.

const launcher = join(import.meta.dirname, '../../tapedeck')
const missing = missingPrograms('Xvnc', 'openbox', 'xterm', 'xdotool', 'xwd', 'xsetroot', 'xrandr')
const real = missing ? test.skip : test
if (missing) test.skip(`desktops: ${missing}`, () => undefined)

async function workFolder(t: ExecutionContext): Promise<string> {
  const work = await mkdtemp(join(tmpdir(), 'tapedeck-export-desktop-'))
  t.teardown(() => rm(work, { recursive: true, force: true }))
  return work
}

async function pixelsOf(image: string | Uint8Array): Promise<Picture> {
  const { data, info } = await sharp(image).removeAlpha().raw().toBuffer({ resolveWithObject: true })
  return { width: info.width, height: info.height, rgb: new Uint8Array(data) }
}

real('a moment as png is what the X server showed, and the poster is that, scaled', async (t) => {
  const work = await workFolder(t)
  const desktop = await startDesktop(t, { geometry: '1024x768' })
  await dress(desktop)
  const recorded = await record(t, rfbSource({ address: { path: desktop.socket } }))
  const marks = await markedMoments(recorded, desktop, '1280x720')

  const out = join(work, 'moment.png')
  for (const { timeMs, picture } of marks) {
    const at = String(timeMs / 1000)
    const made = await run(launcher, ['export', recorded.sink.path, '--out', out, '--at', at, '--no-clock'])
    t.is(made.status, 0, made.stderr)
    t.is(difference(picture, await pixelsOf(out)), undefined, `at ${timeMs} ms`)
  }
  t.like(await run(launcher, ['export', recorded.sink.path, '--out', out]), { status: 0 })
  t.like(await sharp(out).metadata(), { width: 1280, height: 740 })

  const timeline = await makeStream(storeIdentities, [[]], { facts: { type: 'desktop' } })
  const bytes = await readFile(recorded.sink.path)
  const indexing = await openIndexing(t, timeline, { bytes, raw: bytes, recording: '', boundaries: [] })
  await indexing.build()
  const { images } = (await indexing.table())!
  const poster = images.find(({ use }) => use === 'poster')!
  const { body } = (await readIndexBlock(
    indexing.tools.store,
    indexing.place,
    indexing.tools.mac,
    poster.at,
  ))!
  const shown = await pixelsOf(body)
  const last = marks.findLast(({ timeMs }) => timeMs * 1000 >= poster.timesUs[0]!)!
  t.is(shown.width, 480)
  const scaled = await sharp(last.picture.rgb, { raw: { ...sizeOf(last.picture), channels: 3 } })
    .resize({ width: 480 })
    .raw()
    .toBuffer()
  t.is(scaled.length, shown.rgb.length)
  const distance = scaled.reduce((sum, byte, i) => sum + Math.abs(byte - shown.rgb[i]!), 0) / scaled.length
  t.true(distance < 5, `the mean difference of a byte is ${distance}`)
})

function sizeOf({ width, height }: Picture) {
  return { width, height }
}

const withFfmpeg = needing(test, '/usr/bin/ffmpeg', '/usr/bin/ffprobe')
const small = { width: 200, height: 151 }
const large = { width: 400, height: 300 }

async function sample(work: string): Promise<string> {
  const file = join(work, 'sample.rfb.zst')
  const { bytes } = await makeScreenStream(makeIdentities(), [
    { startUs: 200_000, size: small, updates: [{ timeMs: 200, bytes: opening(small, 0xff0000) }] },
    {
      startUs: 1_000_000,
      size: large,
      updates: [
        { timeMs: 1000, bytes: opening(large, 0x0000ff) },
        { timeMs: 600_000, bytes: update(filled({ x: 0, y: 0, width: 8, height: 8 }, 0xffffff)) },
        // Outside of the screen.
        { timeMs: 601_000, bytes: update(filled({ x: 399, y: 0, width: 8, height: 8 }, 0)) },
        { timeMs: 602_000, bytes: opening(large, 0xffffff) },
      ],
    },
    { gapUs: 5_000_000 },
    { startUs: 608_000_000, size: large, updates: [{ timeMs: 608_000, bytes: opening(large, 0x00ff00) }] },
  ])
  await writeFile(file, bytes)
  return file
}

async function colour(path: string, x: number, y: number): Promise<string> {
  const { width, rgb } = await pixelsOf(path)
  const near = [...rgb.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)]
  return near.map((byte) => (byte > 170 ? 'f' : byte < 85 ? '0' : '8')).join('')
}

test('what breaks the rules is passed over, and what came before it shown', async (t) => {
  const work = await workFolder(t)
  const file = await sample(work)
  const out = join(work, 'a.png')
  for (const [at, x, seen] of [
    ['0', 100, 'f00'],
    ['0.9', 100, 'f00'],
    ['1', 200, '00f'],
    ['600', 4, 'fff'],
    ['602', 200, '00f'],
    ['606', 200, '00f'],
    ['608', 200, '0f0'],
  ] as const) {
    const made = await run(launcher, ['export', file, '--out', out, '--at', at])
    t.is(made.status, 0, made.stderr)
    t.is(await colour(out, x, 4), seen, `at ${at} s`)
  }
  const torn = join(work, 'torn.rfb.zst')
  const whole = await readFile(file)
  await writeFile(torn, whole.subarray(0, whole.length - 1000))
  t.like(await run(launcher, ['export', torn, '--out', out, '--at', '1']), { status: 0 })
  await writeFile(torn, whole.subarray(0, 100))
  const nothing = await run(launcher, ['export', torn, '--out', out])
  t.is(nothing.status, 1, nothing.stderr)
  t.regex(nothing.stderr, /Nothing in this recording can be shown yet/)
})

withFfmpeg('a video shows every moment at the size of the largest screen, idle time cut', async (t) => {
  const work = await workFolder(t)
  const file = await sample(work)
  for (const format of ['mp4', 'gif']) {
    const out = join(work, `film.${format}`)
    const made = await run(launcher, ['export', file, '--out', out, '--idle', '2'])
    t.is(made.status, 0, made.stderr)
    const args = ['-v', 'error', '-show_entries', 'stream=width,height:format=duration', '-of', 'json', out]
    const { streams, format: found } = JSON.parse((await promisify(execFile)('ffprobe', args)).stdout)
    t.like(streams[0], { width: 400, height: 320 })
    // 1 s, 2 of 599, 1, 1, 2 of the gap's 5, 1, and the end stands for 2.
    t.true(Math.abs(Number(found.duration) - 10) < 0.6, `${format}: ${found.duration} s`)
    for (const [at, x, y, seen] of [
      ['0.5', 200, 150, 'f00'],
      ['0.5', 20, 150, '000'],
      ['2.5', 20, 150, '00f'],
      ['9', 200, 150, '0f0'],
    ] as const) {
      const png = join(work, `${format}.png`)
      await promisify(execFile)('ffmpeg', ['-v', 'error', '-ss', at, '-i', out, '-frames:v', '1', '-y', png])
      t.is(await colour(png, x, y), seen, `${format} at ${at} s, ${x},${y}`)
    }
  }
})
