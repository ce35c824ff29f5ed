import { existsSync, readdirSync, readFileSync } from 'node:fs'
import xterm from '@xterm/headless'
import test from 'ava'
import { Playback } from '../../appliance/playback.ts'
import { ScreenPainter } from '../../appliance/screen-painter.ts'

// What the painter writes is given to a second emulator: its screen must be the first one's.

const [columns, rows] = [80, 25]

function textOf(terminal: xterm.Terminal): string[] {
  const { active } = terminal.buffer
  return Array.from({ length: terminal.rows }, (_, y) => active.getLine(y)!.translateToString(true).trimEnd())
}

async function painted(recorded: string, room = { columns, rows }) {
  const header = { version: 2, width: columns, height: rows } as const
  const playback = new Playback(header, [{ timeUs: 1, code: 'o', data: recorded }])
  await playback.seek(1, new AbortController().signal)
  const text = new ScreenPainter().paint(playback.terminal, room.columns, room.rows)
  const auditor = new xterm.Terminal({ cols: room.columns, rows: room.rows, allowProposedApi: true })
  await new Promise<void>((resolve) => auditor.write(text, resolve))
  return { text, expected: textOf(playback.terminal), got: textOf(auditor) }
}

/** Positions, colours and erasing to the end of a line: all that the painter may send. */
const ours = /\u001b\[(\d+;\d+H|K|[\d;]*m)/g

const folder = new URL('../../../shared/data/vt/', import.meta.url)
const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.in')) : []
if (files.length === 0) console.log(`terminal test files of others are not here (${folder.pathname})`)
const samples = files.map((name) => [name, readFileSync(new URL(name, folder), 'latin1')] as const)

for (const [name, bytes] of [
  ['colours and styles', '\u001b[1;4;31mred\u001b[0m \u001b[48;2;1;2;3mrgb\u001b[7m x\u001b[0m'],
  ['wide and combining characters', '日本語 e\u0301 🎞️ ok\r\n| '],
  ['both screens', 'first\u001b[?1049hsecond'],
  ...samples,
] as const)
  test(`the auditor sees what the emulator shows: ${name}`, async (t) => {
    const { text, expected, got } = await painted(bytes)
    t.deepEqual(got, expected)
    t.notRegex(text.replace(ours, ''), /\p{Cc}/u)
  })

test('a smaller terminal shows the upper left part, and no wide character over its edge', async (t) => {
  const { got } = await painted('ab日本\r\nsecond line', { columns: 5, rows: 2 })
  t.deepEqual(got, ['ab日', 'secon'])
})

test('of more rows than there is room for, those with the cursor are shown', async (t) => {
  const lines = Array.from({ length: rows }, (_, i) => `line ${i + 1}`).join('\r\n')
  const room = { columns, rows: rows - 1 }
  t.is((await painted(lines, room)).got[0], 'line 2')
  t.is((await painted(`${lines}\u001b[H`, room)).got[0], 'line 1')
})

test('a full line keeps its last character on a terminal that erases under the cursor', async (t) => {
  t.notRegex((await painted('x'.repeat(columns))).text, /x\u001b\[0m\u001b\[K/)
})

test('what turns the direction of text does not reach the auditor', async (t) => {
  const { text } = await painted('user\u202etxt.exe\u2066 \u200fx')
  t.notRegex(text, /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/)
})
