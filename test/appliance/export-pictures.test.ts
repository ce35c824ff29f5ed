import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import anyTest, { type TestFn } from 'ava'
import sharp from 'sharp'
import { palette } from '../../format/screen-colours.ts'
import type { TimelineEvent } from '../../format/timeline.ts'
import { needing } from '../helpers/needs.ts'
import { makeIdentities, makeStream } from '../helpers/sample-stream.ts'
import { run } from '../helpers/up.ts'

// `tapedeck export` to pictures and videos, of a file, without a server. What was drawn is seen by its colours.

const test = anyTest as TestFn<{ work: string; file: string }>
const launcher = join(import.meta.dirname, '../../tapedeck')
const [red, blue] = [palette[1]!, palette[4]!]

const filled = (timeS: number, colour: number): TimelineEvent => ({
  timeUs: timeS * 1e6,
  code: 'o',
  data: `\u001b[4${colour}m\u001b[2J`,
})

test.before(async (t) => {
  const work = await mkdtemp(join(tmpdir(), 'tapedeck-export-'))
  const file = join(work, 'sample.cast.zst')
  const events = [filled(0, 1), filled(1, 4), { timeUs: 1e6, code: 'r', data: '100x30' }, filled(600, 4)]
  const { bytes } = await makeStream(makeIdentities(), [events, { gapUs: 5e6 }])
  await writeFile(file, bytes)
  t.context = { work, file }
})
test.after.always((t) => rm(t.context.work, { recursive: true, force: true }))

async function exported(file: string, ...args: string[]) {
  return run(launcher, ['export', file, ...args])
}

/** The colour at the screen's middle, 0xrrggbb. */
async function middle(png: string): Promise<number> {
  const { data, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true })
  const at = (Math.floor(info.height / 3) * info.width + Math.floor(info.width / 3)) * 3
  return data.readUIntBE(at, 3)
}

function near(colour: number, other: number): boolean {
  return [16, 8, 0].every((shift) => Math.abs(((colour >> shift) & 255) - ((other >> shift) & 255)) < 24)
}

async function probe(path: string): Promise<{ width: number; height: number; seconds: number }> {
  const args = ['-v', 'error', '-show_entries', 'stream=width,height:format=duration', '-of', 'json', path]
  const { stdout } = await promisify(execFile)('ffprobe', args)
  const { streams, format } = JSON.parse(stdout)
  return { ...streams[0], seconds: Number(format.duration) }
}

test('a moment as png, with the time it was', async (t) => {
  const { work, file } = t.context
  const [before, after, end] = ['a.png', 'b.png', 'c.png'].map((name) => join(work, name)) as [
    string,
    string,
    string,
  ]
  t.like(await exported(file, '--out', before, '--at', '00:00:00.9'), { status: 0 })
  t.like(await exported(file, '--out', after, '--at', '1'), { status: 0 })
  t.like(await exported(file, '--out', end, '--no-clock'), { status: 0 })
  t.is(await middle(before), red)
  t.is(await middle(after), blue)
  // A cell has 10 x 20 pixels, and the clock is a line of its own.
  t.like(await sharp(before).metadata(), { width: 800, height: 500, format: 'png' })
  t.like(await sharp(end).metadata(), { width: 1000, height: 600 })
  t.is((await stat(before)).mode & 0o777, 0o600)
})

const withFfmpeg = needing(test, '/usr/bin/ffmpeg', '/usr/bin/ffprobe')

withFfmpeg('a video shows every moment, idle time cut, at the size of the largest screen', async (t) => {
  const { work, file } = t.context
  for (const format of ['mp4', 'gif']) {
    const out = join(work, `film.${format}`)
    t.like(await exported(file, '--out', out, '--idle', '2'), { status: 0 })
    const { seconds, ...size } = await probe(out)
    t.deepEqual(size, { width: 1000, height: 620 })
    // 1 s, 2 of 599, 2 of the gap's 5, and the end stands for 2.
    t.true(Math.abs(seconds - 7) < 0.5, `${format}: ${seconds} s`)
    for (const [at, colour] of [
      ['0.5', red],
      ['1.5', blue],
    ] as const) {
      const png = join(work, `${format}-${at}.png`)
      await promisify(execFile)('ffmpeg', ['-v', 'error', '-ss', at, '-i', out, '-frames:v', '1', '-y', png])
      t.true(near(await middle(png), colour), `${format} at ${at} s`)
    }
  }
})

test('what cannot be made says why, and leaves nothing', async (t) => {
  const { work, file } = t.context
  const out = join(work, 'none', 'film.gif')
  await mkdir(join(work, 'none'))
  await writeFile(
    join(work, 'none', 'ffmpeg'),
    '#!/bin/sh\nexec 0<&-; echo no such encoder >&2; sleep 0.2; exit 3\n',
  )
  await chmod(join(work, 'none', 'ffmpeg'), 0o755)
  const path = `${join(work, 'none')}:${process.env.PATH}`
  const failed = await run(launcher, ['export', file, '--out', out], { env: { PATH: path } })
  t.is(failed.status, 1)
  t.regex(failed.stderr, /ffmpeg ended with 3: no such encoder/)
  t.deepEqual(await readdir(join(work, 'none')), ['ffmpeg'])
  const asked = [
    [['--format', 'gif'], /Where should the gif go/],
    [['--out', out, '--at', '3'], /--at has no meaning for gif/],
    [['--out', join(work, 'x.png'), '--at', 'noon'], /Expected a time/],
    [['--format', 'avi'], /Allowed choices are cast, fbs, gif, mp4, png/],
  ] as const
  for (const [args, expected] of asked) {
    const { status, stderr } = await exported(file, ...args)
    t.is(status, 2, stderr)
    t.regex(stderr, expected)
  }
})
