import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import anyTest, { type ExecutionContext, type TestFn } from 'ava'
import { recordingPath } from '../../format/recording-id.ts'
import { openPty, type PtyOptions } from '../helpers/pty.ts'
import { makeIdentities, makeStream } from '../helpers/sample-stream.ts'
import { run, startUp, type Up } from '../helpers/up.ts'

// `tapedeck play` on a real terminal, with keys.

const test = (anyTest as TestFn<{ up: Up; work: string }>).serial
const { before, after } = anyTest as TestFn<{ up: Up; work: string }>
type Context = ExecutionContext<{ up: Up; work: string }>

before(async (t) => {
  t.context = { up: await startUp(), work: await mkdtemp(join(tmpdir(), 'tapedeck-work-')) }
})
after.always(async (t) => {
  await t.context.up?.stop()
  await rm(t.context.work, { recursive: true, force: true })
})

type Event = [seconds: number, code: string, data: string]

async function imported(t: Context, events: Event[], size = { width: 80, height: 24 }): Promise<string> {
  const { up, work } = t.context
  const file = join(work, 'made.cast')
  const lines = [{ version: 2, ...size }, ...events].map((value) => JSON.stringify(value))
  await writeFile(file, `${lines.join('\n')}\n`)
  const { status, stdout, stderr } = await up.tapedeck('import', file)
  t.is(status, 0, stderr)
  return stdout.toString().slice(0, 36)
}

function openPlay(t: Context, args: string[], options: PtyOptions = {}) {
  const { up } = t.context
  const pty = openPty([up.recordCommand()[0]!, 'play', '--home', up.home, ...args], options)
  t.teardown(pty.kill)
  return pty
}

const hour: Event[] = [
  [0, 'o', 'at-the-start'],
  [1800, 'o', '\u001b[2Jin-the-middle'],
  [3600, 'o', '\u001b[2Jat-the-end'],
]

test('keys move, pause, change the speed and end', async (t) => {
  const pty = openPlay(t, [await imported(t, hour)])
  await pty.waitFor('\u001b[?1049h')
  await pty.waitFor('playing  00:00:00 / 01:00:00  1x')
  await pty.waitFor('at-the-start')
  pty.write(' ')
  await pty.waitFor('paused   00:00:0')
  pty.write('+++')
  await pty.waitFor('  8x')
  pty.write('-')
  await pty.waitFor('  4x')
  pty.write('\u001b[F')
  await pty.waitFor('01:00:00 / 01:00:00')
  await pty.waitFor('at-the-end')
  pty.write('\u001b[D')
  await pty.waitFor('00:59:55 / 01:00:00')
  await pty.waitFor('in-the-middle')
  pty.write('\u001b[C')
  await pty.waitFor('01:00:00 / 01:00:00')
  pty.write('\u001b[5~\u001b[5~')
  await pty.waitFor('00:58:00 / 01:00:00')
  pty.write('\u001b[H')
  await pty.waitFor('00:00:00 / 01:00:00')
  await pty.waitFor('at-the-start')
  pty.write('s')
  await pty.waitFor('skip idle')
  pty.write('q')
  t.is(await pty.exit, 0)
  t.true(pty.output().toString().endsWith('\u001b[0m\u001b[?25h\u001b[?1049l'))
})

test('with an idle limit an hour of nothing is over in moments; play at the end begins again', async (t) => {
  const pty = openPlay(t, [await imported(t, hour), '--idle', '0.2', '--speed', '2'])
  await pty.waitFor('in-the-middle')
  await pty.waitFor('01:00:00 / 01:00:00')
  await pty.waitFor('at-the-end')
  pty.write(' ')
  await pty.waitFor('playing  00:00:00')
  await pty.waitFor('at-the-start')
  pty.write('q')
  t.is(await pty.exit, 0)
})

test('another size of the terminal is drawn anew, however small', async (t) => {
  const pty = openPlay(t, [await imported(t, hour)], { columns: 30, rows: 5 })
  await pty.waitFor('at-the-start')
  pty.resize(100, 30)
  await pty.waitFor('playing')
  pty.resize(60, 10)
  await pty.waitFor('cut from 80x24')
  await pty.waitFor('at-the-start')
  for (const [columns, rows] of [
    [1, 1],
    [3, 2],
  ] as const)
    pty.resize(columns, rows)
  pty.resize(60, 10)
  await pty.waitFor('cut from 80x24')
  pty.write('q')
  t.is(await pty.exit, 0)
})

test('lost data is shown where it was', async (t) => {
  const event = (timeUs: number, data: string) => ({ timeUs, code: 'o', data })
  const { bytes } = await makeStream(makeIdentities(), [
    [event(0, 'before-it')],
    'gap',
    [event(60_000_000, '\u001b[2Jbehind-it')],
  ])
  const file = join(t.context.work, 'gap.cast.zst')
  await writeFile(file, bytes)
  const pty = openPlay(t, [file])
  await pty.waitFor('DATA LOST HERE: crash')
  await pty.waitFor('before-it')
  pty.write('\u001b[F')
  await pty.waitFor('00:01:00 / 00:01:00  1x')
  await pty.waitFor('behind-it')
  pty.write('q')
  t.is(await pty.exit, 0)
})

test('a signal leaves the terminal as it was', async (t) => {
  const pty = openPlay(t, [await imported(t, hour)])
  await pty.waitFor('at-the-start')
  const { stdout } = await run('pgrep', ['-P', String(pty.pid)])
  process.kill(Number(stdout.toString()), 'SIGTERM')
  t.is(await pty.exit, 0)
  t.true(pty.output().toString().endsWith('\u001b[?1049l'))
})

const long = 'x'.repeat(10)
const attacks = [
  '\u001b]0;title\u0007',
  '\u001b]52;c;ZXZpbA==\u001b\\',
  '\u001b]8;;file:///etc\u0007link\u001b]8;;\u0007',
  '\u001bP$qm\u001b\\',
  '\u001b[c\u001b[>c\u001b[6n\u001b[5n\u001bZ\u0005',
  '\u001b[?1000h\u001b[?1003h\u001b[?2004h\u001b[?9001h',
  '\u001b[8;999;999t\u001b[21t',
  '\u009d0;c1\u009c\u0090q\u009c\u009b6n',
  '\u001b_Gf=100;AAAA\u001b\\',
  'user\u202egnp.exe',
  '\u001b[2147483647b\u001b[2147483647L\u001b[2147483647S',
]

test('nothing that was recorded reaches the terminal as it came', async (t) => {
  const events: Event[] = [
    ...attacks.map((attack, i): Event => [0.01 * i, 'o', `${attack}${long}\r\n`]),
    [0.2, 'r', '99999x99999'],
    [0.21, 'r', '80x24'],
    [0.3, 'o', '\u001b[2J\u001b[Hstill-here'],
  ]
  const pty = openPlay(t, [await imported(t, events)])
  await pty.waitFor('paused')
  await pty.waitFor('still-here')
  pty.write('q')
  t.is(await pty.exit, 0)
  const ours = /\u001b\[(\?25[lh]|\?1049[lh]|2J|\d+;\d+H|K|[\d;]*m)/g
  const rest = pty.output().toString().replace(ours, '').replace('\r\u001b[K', '')
  t.notRegex(rest, /\p{Cc}|[\u202a-\u202e]/u)
})

test('output made to hang an emulator does not hold up the keys', async (t) => {
  const repeating = `${'\u001b[9999b'.repeat(200)}\u001b[999L\u001b[999S`.repeat(500)
  // More than any machine draws in time.
  const killing = `${repeating}${'\u001b[999L\u001b[999S'.repeat(100_000)}`
  const events: Event[] = [
    [0.1, 'o', 'before'],
    [0.2, 'o', `w${killing}`],
    [5, 'o', '\u001b[2J\u001b[Hafter'],
  ]
  const pty = openPlay(t, [await imported(t, events, { width: 1000, height: 1000 })])
  await pty.waitFor('before')
  await pty.waitFor('hostile output left out')
  await pty.waitFor('after')
  // Again, and q is heard before it is given up.
  pty.write('\u001b[H')
  await pty.waitFor('00:00:00 / 00:00:05')
  pty.write('q')
  t.is(await pty.exit, 0)
})

test('a file is played as well; without a terminal it says what to do', async (t) => {
  const { up, work } = t.context
  const id = await imported(t, hour)
  const file = join(work, 'exported.cast.zst')
  await copyFile(join(up.home, 'node', 'recordings', `${recordingPath(id)}.cast.zst`), file)
  const pty = openPlay(t, [file])
  await pty.waitFor('at-the-start')
  pty.write('\u0003')
  t.is(await pty.exit, 0)

  const { status, stderr } = await up.tapedeck('play', id)
  t.is(status, 2)
  t.regex(stderr, /\[no-terminal\]\n {2}Use 'tapedeck export'/)
  const text = join(work, 'text')
  await writeFile(text, 'hello\n')
  for (const target of [join(work, 'absent'), text]) {
    const wrong = openPlay(t, [target])
    t.not(await wrong.exit, 0)
    t.regex(wrong.output().toString(), /^tapedeck: .* \[[a-z-]+\]\r\n/m)
    t.notRegex(wrong.output().toString(), /\u001b\[\?1049h/)
  }
})

test('q is heard while a long recording is being drawn', async (t) => {
  const line = `${'the quick brown fox jumps over the lazy dog '.repeat(20)}\r\n`
  const events = Array.from({ length: 3000 }, (_, i): Event => [i / 100, 'o', line.repeat(12)])
  const pty = openPlay(t, [await imported(t, events)])
  await pty.waitFor('playing')
  // End, and q behind it.
  pty.write('\u001b[F')
  pty.write('q')
  t.is(await pty.exit, 0)
})
