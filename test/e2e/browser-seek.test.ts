import { existsSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import type { Page } from 'playwright-core'
import { browserTests } from '../helpers/browser.ts'
import { openPty } from '../helpers/pty.ts'
import { until } from '../helpers/test-node.ts'
import { type Listed, startUp, type Up } from '../helpers/up.ts'
import { atRest, isPlaying, openPlayer, position, positionIs, screenLook } from '../web/player-page.ts'

// Seeking to a moment shows what playing to it shows: every cell, its colours, and the cursor. Playing draws the events
// one after another on the page's own screen; a seek draws unseen from a kept picture and hands a picture over.

const browserTest = browserTests()
const vt = new URL('../../../shared/data/vt/', import.meta.url)
/** Moments compared for each recording. */
const moments = 4
let up: Up

test.before('the product starts', async () => {
  up = await startUp()
})
test.after.always('the product stops', () => up?.stop())

async function recorded(
  command: string[],
  type: (pty: ReturnType<typeof openPty>) => Promise<void>,
  part = command.join(' '),
) {
  const pty = openPty(up.recordCommand(...command))
  await type(pty)
  await pty.exit
  return complete(part)
}

async function complete(command: string): Promise<string> {
  let found: Listed | undefined
  await until(async () => {
    found = (await up.json<Listed[]>('list')).find((row) => row.command.includes(command))
    return found?.state === 'complete'
  }, 30_000)
  return found!.id
}

async function imported(name: string, events: [number, string, string][], width: number, height: number) {
  const file = join(up.home, `${name}.cast`)
  const lines = [
    JSON.stringify({ version: 2, width, height }),
    ...events.map((event) => JSON.stringify(event)),
  ]
  await writeFile(file, `${lines.join('\n')}\n`)
  return (await up.json<{ id: string }>('import', file)).id
}

/** Plays from the start, stops now and then, and gives where and what was shown. */
async function play(page: Page, speed: string): Promise<{ timeUs: number; look: string[] }[]> {
  const endUs = Number(await page.getByTestId('seek-bar').getAttribute('data-end-us'))
  await page.getByTestId('speed').selectOption(speed)
  const seen: { timeUs: number; look: string[] }[] = []
  for (let i = 1; i <= moments; i++) {
    await page.keyboard.press(' ')
    await until(async () => (await position(page)) >= (endUs * i) / (moments + 1), 60_000)
    if (await isPlaying(page)) await page.keyboard.press(' ')
    await until(async () => !(await isPlaying(page)))
    await atRest(page)
    seen.push({ timeUs: await position(page), look: await screenLook(page) })
  }
  return seen
}

async function signedIn(open: (url: string) => Promise<Page>): Promise<Page> {
  const page = await open((await up.json<{ url: string }>('link')).url)
  await page.getByTestId('search').waitFor()
  return page
}

function seekTest(title: string, make: () => Promise<string>, speed = '8'): void {
  browserTest(title, async (t, open) => {
    const id = await make()
    const page = await signedIn(open)
    await page.goto(`${up.url}/recordings/${id}`)
    await openPlayer(page)
    const played = await play(page, speed)
    t.true(new Set(played.map(({ look }) => look.join())).size > 1, 'something moves in it')

    // In this page, which has passed over the recording and kept pictures: back and forth.
    const bar = (await page.getByTestId('seek-bar').boundingBox())!
    for (const share of [0.9, 0.2, 0.55]) {
      const before = await position(page)
      await page.mouse.click(bar.x + bar.width * share, bar.y + bar.height / 2)
      await until(async () => (await position(page)) !== before)
      await atRest(page)
      played.push({ timeUs: await position(page), look: await screenLook(page) })
    }
    for (const { timeUs, look } of played) {
      await page.goto(`${up.url}/recordings/${id}?t=${timeUs / 1e6}`)
      await openPlayer(page)
      await positionIs(page, timeUs)
      t.deepEqual(await screenLook(page), look, `at ${timeUs} µs`)
    }
  })
}

seekTest('vim', recordedVim, '1')

/** vim's own: else all of it is one picture where the machine is fast. */
const pause = ':sleep 200m\r'

async function recordedVim(): Promise<string> {
  const file = join(up.home, 'notes.c')
  const text = Array.from(
    { length: 120 },
    (_, i) => `int line_${i} = ${i}; /* grüße 漢字 ${'x'.repeat(i % 50)} */`,
  )
  await writeFile(file, text.join('\n'))
  return recorded(['vim', '-u', 'NONE', '-N', '-i', 'NONE', file], async (pty) => {
    await pty.waitFor('line_0')
    for (const keys of [
      ':set number hlsearch\r',
      '/line_4\r',
      '\u0006',
      ':split\r',
      'ihello \u001b',
      ':2,5d\r',
      'u',
      '\u0002',
    ])
      pty.write(`${keys}${pause}`)
    pty.write(':echo "half" . "way"\r')
    await pty.waitFor('halfway')
    pty.resize(100, 30)
    pty.write('\u000c:echo "wide" . "r"\r')
    await pty.waitFor('wider')
    pty.write(':qa!\r')
  })
}

seekTest('top', () => recorded(['top', '-d', '0.3', '-n', '12'], async () => undefined), '2')

// Panes beside each other, of which each ends by itself.
seekTest('tmux', () => {
  const panes = [
    ['new-session', 'seq 60; sleep 4'],
    ['split-window', '-h', 'printf "\\033[31mright\\033[m\\n"; ls -la /; sleep 4'],
    ['split-window', 'top -d 0.3 -n 12'],
  ]
  const command = [
    'tmux',
    '-L',
    'tapedeck-seek',
    '-f',
    '/dev/null',
    ...panes.flatMap((pane) => [...pane, ';']),
  ]
  const type = async (pty: ReturnType<typeof openPty>) => {
    await pty.waitFor('PID')
    pty.resize(100, 30)
  }
  return recorded(command, type, 'tapedeck-seek')
})

seekTest('a long coloured output with pictures kept on the way', async () => {
  const events: [number, string, string][] = []
  for (let i = 0; i < 12_000; i++) {
    const colour = `\u001b[38;5;${i % 256};48;2;${i % 7};${i % 91};${i % 201}m`
    const scroll = i % 900 === 0 ? `\u001b[${1 + (i % 5)};${15 + (i % 9)}r` : ''
    const other = i % 2000 === 500 ? '\u001b[?1049h\u001b[2J' : i % 2000 === 1200 ? '\u001b[?1049l' : ''
    const style = `\u001b[${[1, 3, 4, 7, 9, 22, 27][i % 7]}m`
    events.push([
      i / 1000,
      'o',
      `${scroll}${other}${colour}${style}line ${i} ${'wörds 漢 '.repeat(i % 9)}\r\n`,
    ])
  }
  return imported('long', events, 90, 28)
})

if (existsSync(vt))
  seekTest('what terminals of others were tested with', async () => {
    const events: [number, string, string][] = []
    for (const name of (await readdir(vt)).filter((file) => file.endsWith('.in')).sort()) {
      const text = await readFile(new URL(name, vt), 'utf8')
      // Cut anywhere, so that sequences are halved.
      for (let at = 0; at < text.length; at += 97)
        events.push([events.length / 100, 'o', (at === 0 ? '\u001bc' : '') + text.slice(at, at + 97)])
    }
    return imported('vt', events, 80, 25)
  })
else test('what terminals of others were tested with: left out, ../shared/data/vt is absent', (t) => t.pass())
