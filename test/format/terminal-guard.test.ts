import { existsSync, readdirSync, readFileSync } from 'node:fs'
import xterm from '@xterm/headless'
import test from 'ava'
import fc from 'fast-check'
import { clampSize, TerminalGuard } from '../../format/terminal-guard.ts'

const esc = '\u001b'
/** What one hostile piece may cost. A hang costs minutes, so a slow machine does not blur the line. */
const killMsMax = 4000
const killBytesMax = 300 * 1024 * 1024

interface Screen {
  write(text: string): Promise<void>
  text(): string
  answers: string[]
  titles: string[]
  terminal: InstanceType<typeof xterm.Terminal>
}

function openScreen(columns = 80, rows = 24): Screen {
  const size = clampSize(columns, rows)
  const terminal = new xterm.Terminal({
    cols: size.columns,
    rows: size.rows,
    scrollback: 0,
    allowProposedApi: true,
  })
  const guard = new TerminalGuard()
  guard.resize(size.columns, size.rows)
  const answers: string[] = []
  const titles: string[] = []
  terminal.onData((data) => answers.push(data))
  terminal.onBinary((data) => answers.push(data))
  terminal.onTitleChange((title) => titles.push(title))
  terminal.onBell(() => titles.push('bell'))
  return {
    terminal,
    answers,
    titles,
    write: (text) => new Promise((resolve) => terminal.write(guard.push(text), resolve)),
    text: () =>
      Array.from(
        { length: terminal.rows },
        (_, row) => terminal.buffer.active.getLine(row)?.translateToString(true) ?? '',
      ).join('\n'),
  }
}

const big = 2_147_483_647
const killers: Record<string, string> = {
  'repeat a character': `a${esc}[${big}b`,
  'insert lines': `${esc}[${big}L`,
  'delete lines': `${esc}[${big}M`,
  'scroll up': `${esc}[${big}S`,
  'scroll down': `${esc}[${big}T`,
  'tabs forward': `${esc}[${big}I`,
  'tabs back': `${esc}[${big}Z`,
  'insert cells': `${esc}[${big}@`,
  'delete cells': `${esc}[${big}P`,
  'erase cells': `${esc}[${big}X`,
  'insert columns': `${esc}[${big}'}`,
  'scroll left': `${esc}[${big} @`,
  'a cursor far away': `${esc}[${big};${big}H`,
  'a number without end': `${esc}[${'9'.repeat(100_000)}b`,
  'the 8-bit form': `a\u009b${big}b`,
  'a control inside': `a${esc}[21\u00004748\n3647b`,
  'a title without end': `${esc}]0;${'x'.repeat(5_000_000)}`,
  'a device string without end': `${esc}P${'x'.repeat(5_000_000)}`,
  'marks without end': `a${'\u0301'.repeat(2_000_000)}`,
  'marks, repeated': `a${'\u0301'.repeat(100_000)}${esc}[10000b`,
}

for (const [name, bytes] of Object.entries(killers))
  for (const cut of [bytes.length, 7])
    test.serial(`kills an emulator: ${name}, in pieces of ${cut === 7 ? 7 : 'any'} characters`, async (t) => {
      const screen = openScreen()
      const before = process.memoryUsage().rss
      const started = performance.now()
      const piece = Math.max(cut, Math.ceil(bytes.length / 400))
      for (let at = 0; at < bytes.length; at += piece) await screen.write(bytes.slice(at, at + piece))
      await screen.write(`${esc}\\${esc}[H${esc}[2Jalive`)
      t.true(performance.now() - started < killMsMax)
      t.true(process.memoryUsage().rss - before < killBytesMax)
      t.regex(screen.text(), /alive/)
      t.deepEqual(screen.answers, [])
    })

test.serial('kills an emulator: a terminal of 10,000 x 10,000', async (t) => {
  const before = process.memoryUsage().rss
  const screen = openScreen(10_000, 10_000)
  t.is(screen.terminal.cols, 1000)
  t.is(screen.terminal.rows, 1000)
  await screen.write(`${esc}[8;10000;10000t${esc}[?3hhere`)
  t.is(screen.terminal.cols, 1000)
  t.true(process.memoryUsage().rss - before < killBytesMax)
  t.deepEqual(clampSize(0, Number.NaN), { columns: 1, rows: 1 })
})

const asking = [
  `${esc}[c`, `${esc}[>c`, `${esc}[=c`, `${esc}[0c`, `${esc}Z`, '\u009a', '\u0005',
  `${esc}[5n`, `${esc}[6n`, `${esc}[?6n`, `${esc}[?996n`, `${esc}[4$p`, `${esc}[?25$p`, `${esc}[>q`, `${esc}[x`,
  `${esc}[18t`, `${esc}[14t`, `${esc}[21t`, `${esc}[?u`, `${esc}P$qm${esc}\\`, `${esc}P+q544e${esc}\\`,
  `${esc}]4;1;?\u0007`, `${esc}]10;?\u0007`, `${esc}]11;?${esc}\\`, `${esc}]52;c;?\u0007`, '\u009d11;?\u009c',
  `${esc}[?1004h`, `${esc}[?1000;1006h`, `${esc}[?2004h`, `${esc}[?9001h`,
] // biome-ignore format: one kind a line reads better

test('nothing asked for is answered, whole or in pieces', async (t) => {
  for (const question of asking)
    for (const size of [question.length, 1]) {
      const screen = openScreen()
      for (let at = 0; at < question.length; at += size) await screen.write(question.slice(at, at + size))
      t.deepEqual(screen.answers, [], JSON.stringify(question))
      t.false(screen.terminal.modes.sendFocusMode)
      t.is(screen.terminal.modes.mouseTrackingMode, 'none')
    }
})

test('titles, clipboard, links, notifications, colours and bells act on nothing', async (t) => {
  const guard = new TerminalGuard()
  const acts = [
    '0;t',
    '2;t',
    '1;t',
    '52;c;QUJD',
    '8;;http://x/',
    '9;hi',
    '777;notify;a;b',
    '4;1;#fff',
    '10;#000',
  ]
  for (const act of acts)
    for (const [open, close] of [
      [`${esc}]`, '\u0007'],
      [`${esc}]`, `${esc}\\`],
      ['\u009d', '\u009c'],
    ] as const)
      t.is(guard.push(`<${open}${act}${close}>`), '<>')
  const screen = openScreen()
  await screen.write(`${esc}]0;title\u0007\u0007${esc}]2;t${esc}\\`)
  t.deepEqual(screen.titles, [])
})

test('what draws passes unchanged', (t) => {
  const draws = [
    'plain text\r\n\t\b', `${esc}[1;38;2;1;2;3m`, `${esc}[4:3m`, `${esc}[12;5H`, `${esc}[K`, `${esc}[2J`, `${esc}[3;20r`,
    `${esc}7`, `${esc}8`, `${esc}M`, `${esc}(0`, `${esc}#8`, `${esc}c`, `${esc}[!p`, `${esc}[2 q`, `${esc}[?25l`,
    `${esc}[?1049h`, `${esc}[?7h`, `${esc}[4h`, `${esc}[5L`, `${esc}[10b`, 'Grüße 漢字 👩‍👩‍👧 é', `${esc}[?2J`,
  ] // biome-ignore format: one kind a line reads better
  const guard = new TerminalGuard()
  for (const text of draws) t.is(guard.push(text), text)
  t.is(guard.push('a\udc9bb'), 'a\ufffdb')
  t.is(guard.push(`${esc}[?1049;1000;25h`), `${esc}[?1049;25h`)
})

test('the same comes out wherever it is cut', (t) => {
  const piece = fc.oneof(
    fc.constantFrom(
      esc,
      '[',
      ']',
      'P',
      ';',
      '?',
      '\u0007',
      '\\',
      '\u009b',
      '\u009c',
      '\u0018',
      '\n',
      '1',
      '99999',
      'm',
      'b',
      'h',
      '(',
      '0',
      '\ud83d\ude00',
      '\u0301',
    ),
    fc.constantFrom(...asking, ...Object.values(killers).filter((killer) => killer.length < 100)),
    fc.string({ maxLength: 5 }),
  )
  t.notThrows(() =>
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 40 }),
        fc.array(fc.nat({ max: 200 }), { maxLength: 8 }),
        (pieces, cuts) => {
          const text = pieces.join('')
          const whole = new TerminalGuard().push(text)
          const guard = new TerminalGuard()
          const places = [0, ...cuts.filter((cut) => cut < text.length).sort((a, b) => a - b), text.length]
          let out = ''
          for (let i = 1; i < places.length; i++) out += guard.push(text.slice(places[i - 1], places[i]))
          return out === whole
        },
      ),
      { numRuns: 3000 },
    ),
  )
})

test('every character that an emulator joins to the one before is counted as zero-width', (t) => {
  const { terminal } = openScreen()
  // The emulator's own width table, which has no public face.
  const widths = (terminal as unknown as { _core: { unicodeService: { wcwidth(code: number): number } } })
    ._core.unicodeService
  const uncut: string[] = []
  for (let code = 0xa0; code < 0x110000; code++) {
    if ((code >= 0xd800 && code < 0xe000) || widths.wcwidth(code) !== 0) continue
    const text = String.fromCodePoint(code).repeat(100)
    if (new TerminalGuard().push(text).length > 40) uncut.push(code.toString(16))
  }
  t.deepEqual(uncut, [])
})

const vt = new URL('../../../shared/data/vt/', import.meta.url)
const vtTest = existsSync(vt)
  ? test
  : (name: string, _: unknown) => test(`${name}: left out, ../shared/data/vt is absent`, (t) => t.pass())
vtTest(
  "xterm.js's own escape sequence files draw the same guarded and bare",
  async (t: import('ava').ExecutionContext) => {
    for (const name of readdirSync(vt).filter((file) => file.endsWith('.in'))) {
      const bytes = readFileSync(new URL(name, vt), 'utf8')
      const guarded = openScreen(80, 25)
      await guarded.write(bytes)
      const bare = openScreen(80, 25)
      await new Promise<void>((resolve) => bare.terminal.write(bytes, resolve))
      t.is(guarded.text(), bare.text(), name)
    }
  },
)
