import { createHash } from 'node:crypto'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { generateKeyPem } from '../codec/ed25519.ts'
import { makeRecordingId } from '../format/recording-id.ts'
import { makeIdentities } from '../test/helpers/sample-stream.ts'
import type { Up } from '../test/helpers/up.ts'
import { type LongDesktop, startMs, writeLongDesktop } from './long-desktop.ts'
import type { Figure } from './main.ts'
import { randomNumbers } from './random-numbers.ts'
import { memoryFigures } from './seek-memory.ts'
import { openFromList, seekAbout, seekFigures } from './seek-page.ts'

/** How soon a moment of a working day on a desktop is seen. */
export async function desktopFigures(
  browser: Browser,
  up: Up,
  size: { opens: number; seeks: number; desktopUs: number; seed: number },
): Promise<Figure[]> {
  const recording = await provide(up, size)
  const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage()
  const { url } = await up.json<{ url: string }>('link')
  await page.goto(url)
  await page.getByTestId('search').waitFor()
  const random = randomNumbers(size.seed)
  const firsts: number[] = []
  for (let i = 0; i < size.opens; i++)
    firsts.push(await openFromList(page, up, recording.id, (random() * recording.endUs) / 1e6))
  const seeks = await seekAbout(page, size.seeks, random)
  await page.close()
  const hours = (recording.endUs / 3.6e9).toFixed(1)
  const frames = `${recording.frames} frames, ${(recording.rawBytes / 1e9).toFixed(1)} GB`
  return [
    ...seekFigures(
      'desktop',
      firsts,
      seeks,
      `the same of a desktop of ${hours} h: ${frames}, ${(recording.storedBytes / 1e6).toFixed(0)} MB stored`,
    ),
    ...(await memoryFigures(browser, up, recording.id, size.seeks, random, 'desktop_')),
  ]
}

/** A desktop in the product's store, and its index. */
async function provide(
  up: Up,
  { desktopUs, seed }: { desktopUs: number; seed: number },
): Promise<LongDesktop> {
  const farmPem = await readFile(join(up.home, 'farm', 'farm.key'), 'utf8')
  const dir = join(up.home, 'desktop')
  await mkdir(dir)
  const chance = createHash('sha256').update(`desktop ${seed}`).digest().subarray(0, 10)
  const identities = makeIdentities(farmPem, generateKeyPem())
  const recording = await writeLongDesktop(dir, makeRecordingId(startMs, chance), identities, {
    ...{ seed, lengthUs: desktopUs },
  })
  for (const path of [recording.timeline, recording.screen]) await up.json('import', path)
  await up.json('reindex', recording.id)
  await rm(dir, { recursive: true })
  return recording
}
