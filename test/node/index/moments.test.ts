import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import test, { type ExecutionContext } from 'ava'
import { encodePicture } from '../../../format/picture-bytes.ts'
import { parseSize, type TimelineEvent } from '../../../format/timeline.ts'
import { screenAt } from '../../../node/index/moments.ts'
import { EmulatedScreen } from '../../../screen/emulated-screen.ts'
import { seededRandom, seedOfRun } from '../../helpers/random.ts'
import { makeStream } from '../../helpers/sample-stream.ts'
import { identities, openIndexing } from './index-parts.ts'

// From the index, any moment is what playing to it shows: each cell, the cursor, and all that decides what comes next.

const vt = new URL('../../../../shared/data/vt/', import.meta.url)
const moments = 25
const facts = { columns: 80, rows: 24, isCommand: false }

async function expectSame(t: ExecutionContext, frames: TimelineEvent[][]): Promise<void> {
  const indexing = await openIndexing(t, await makeStream(identities, frames))
  await indexing.build()
  const table = (await indexing.table())!
  const events = frames.flat()
  const endUs = events.at(-1)!.timeUs
  const random = seededRandom(seedOfRun())
  const timesUs = [
    ...[0, endUs, ...table.pictures.flatMap(({ timeUs }) => [timeUs, timeUs - 1])].slice(0, moments),
    ...Array.from({ length: moments }, () => Math.floor(random() * endUs)),
  ].sort((a, b) => a - b)
  const played = new EmulatedScreen(facts.columns, facts.rows)
  let next = 0
  for (const timeUs of timesUs) {
    for (; events[next] && events[next]!.timeUs <= timeUs; next++) draw(played, events[next]!)
    const size = (await indexing.tools.store.size(indexing.place, 'cast'))!
    const sought = await screenAt(indexing.tools, indexing.place, table, { timeUs, size, ...facts })
    t.true(
      Buffer.from(encodePicture(sought!.picture())).equals(encodePicture(played.picture())),
      `at ${timeUs} µs, of ${table.pictures.length} pictures`,
    )
    sought!.dispose()
  }
  played.dispose()
}

function draw(screen: EmulatedScreen, { code, data }: TimelineEvent): void {
  const size = code === 'r' ? parseSize(data) : undefined
  if (size) screen.resize(size.columns, size.rows)
  if (code === 'o') screen.write(data)
}

test('long output with pictures within its frames', async (t) => {
  const frames: TimelineEvent[][] = []
  for (let frame = 0; frame < 3; frame++)
    frames.push(
      Array.from({ length: 500 }, (_, n) => {
        const i = frame * 500 + n
        const colour = `\u001b[38;5;${i % 256};48;2;${i % 7};${i % 91};${i % 201}m`
        const scroll = i % 90 === 0 ? `\u001b[${1 + (i % 5)};${15 + (i % 9)}r` : ''
        const other = i % 200 === 50 ? '\u001b[?1049h\u001b[2J' : i % 200 === 120 ? '\u001b[?1049l' : ''
        const text = `${scroll}${other}${colour}\u001b[${[1, 3, 4, 7, 9, 22, 27][i % 7]}mline ${i} ${'wörds 漢 '.repeat(200)}`
        if (i % 333 === 0) return { timeUs: i * 1000, code: 'r', data: `${60 + (i % 50)}x${20 + (i % 11)}` }
        // Cut in the middle of sequences, too.
        return { timeUs: i * 1000, code: 'o', data: i % 3 === 0 ? `${text}\u001b[3` : `1m${text}\r\n` }
      }),
    )
  await expectSame(t, frames)
})

if (existsSync(vt))
  test('what terminals of others were tested with', async (t) => {
    const frames: TimelineEvent[][] = []
    let timeUs = 0
    for (const name of (await readdir(vt)).filter((file) => file.endsWith('.in')).sort()) {
      const text = await readFile(new URL(name, vt), 'utf8')
      const events: TimelineEvent[] = []
      for (let at = 0; at < text.length; at += 97, timeUs += 10_000)
        events.push({ timeUs, code: 'o', data: (at === 0 ? '\u001bc' : '') + text.slice(at, at + 97) })
      if (events.length > 0) frames.push(events)
    }
    await expectSame(t, frames)
  })
else test('what terminals of others were tested with: left out, ../shared/data/vt is absent', (t) => t.pass())
