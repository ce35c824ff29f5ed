import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generateKeyPem } from '../codec/ed25519.ts'
import { launchChromium } from '../test/helpers/chromium.ts'
import { facts, makeIdentities } from '../test/helpers/sample-stream.ts'
import { startUp, type Up } from '../test/helpers/up.ts'
import { asciinemaFigures } from './asciinema-page.ts'
import { type LongRecording, writeLongRecording } from './long-recording.ts'
import type { BenchOptions, Figure } from './main.ts'
import { randomNumbers } from './random-numbers.ts'
import { desktopFigures } from './seek-desktop.ts'
import { memoryFigures } from './seek-memory.ts'
import { openFromList, seekAbout, seekFigures } from './seek-page.ts'

// How soon a moment of a very large recording is seen: a reviewer clicks a recording in the list, or the timeline, and the
// picture is painted. The node runs beside it.

const full = { bytes: 1024 * 1024 * 1024, opens: 20, seeks: 200, desktopUs: 8 * 3600 * 1e6 }
const quick = { bytes: 48 * 1024 * 1024, opens: 5, seeks: 20, desktopUs: 1800 * 1e6 }
const lengthUs = 8 * 3600 * 1e6
const seed = 20260302

export async function run({ quick: isQuick }: BenchOptions): Promise<Figure[]> {
  const size = isQuick ? quick : full
  const up = await startUp()
  const browser = await launchChromium()
  try {
    const recording = await provide(up, size.bytes)
    const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage()
    await page.goto(up.link)
    await page.getByTestId('search').waitFor()
    const random = randomNumbers(seed)
    const moments = Array.from({ length: size.opens }, () => (random() * recording.endUs) / 1e6)
    const firsts: number[] = []
    for (const moment of moments) firsts.push(await openFromList(page, up, recording.id, moment))
    const seeks = await seekAbout(page, size.seeks, random)
    await page.close()
    const what = `${(recording.outputBytes / 1e9).toFixed(2)} GB of output in 8 h, ${(recording.storedBytes / 1e6).toFixed(0)} MB stored`
    return [
      ...seekFigures(
        'terminal',
        firsts,
        seeks,
        `from the click in the list to a moment of it painted, median of ${firsts.length}; ${what}`,
      ),
      ...(await memoryFigures(browser, up, recording.id, size.seeks, random)),
      ...(await desktopFigures(browser, up, { ...size, seed })),
      ...(await asciinemaFigures(browser, up, recording.id, size.seeks)),
    ]
  } finally {
    await browser.close()
    await up.stop()
  }
}

/** A recording in the product's store, and its index. */
async function provide(up: Up, bytes: number): Promise<LongRecording> {
  const farmPem = await readFile(join(up.home, 'farm', 'farm.key'), 'utf8')
  const file = join(up.home, 'long.cast.zst')
  const identities = makeIdentities(farmPem, generateKeyPem())
  const recording = await writeLongRecording(file, identities, { seed, bytes, lengthUs, facts })
  await up.json('import', file)
  await up.json('reindex', recording.id)
  return recording
}
