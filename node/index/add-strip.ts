import { coveredBytes, type IndexTable } from '../../format/index-records.ts'
import type { Pixels } from '../../screen/paint-screen.ts'
import { encodeStrip, tile } from '../../screen/screen-images.ts'
import type { StorePlace } from '../store/store-place.ts'
import type { DrawnFacts } from './drawn-facts.ts'
import type { IndexTools } from './index-tools.ts'
import type { IndexWriter } from './index-writer.ts'
import { screenAt } from './moments.ts'

/** One for each 20 pixels of a timeline. */
export const tilesMax = 60
/** Of a shorter recording the player draws any moment sooner than it could fetch a strip. */
const rawBytesMin = 16 * 1024 * 1024

/** Adds a strip of thumbnails to the index of a recording that has ended. Rejects with StoreError. */
export async function addStrip(
  tools: IndexTools,
  place: StorePlace,
  writer: IndexWriter,
  facts: DrawnFacts,
): Promise<void> {
  const { table } = writer
  if (table.images.some(({ use }) => use === 'strip')) return
  const frames = table.frames.filter(({ stream }) => stream === 'cast')
  const rawBytes = frames.reduce((sum, frame) => sum + (frame.rawBytes ?? 0), 0)
  const endUs = frames.reduce((end, frame) => Math.max(end, frame.endUs), 0)
  if (rawBytes < rawBytesMin || frames.some(({ undrawn }) => undrawn)) return
  const tiles: Pixels[] = []
  const timesUs: number[] = []
  for (let i = 0; i < tilesMax; i++) {
    const timeUs = Math.floor((endUs * (i + 0.5)) / tilesMax)
    const pixels = await tileAt(tools, place, table, timeUs, facts)
    if (!pixels) continue
    tiles.push(pixels)
    timesUs.push(timeUs)
  }
  await writeStrip(writer, tiles, timesUs)
}

/** Adds thumbnails as one image; nothing where there are none. `timesUs` = the moment of each. */
export async function writeStrip(writer: IndexWriter, tiles: Pixels[], timesUs: number[]): Promise<void> {
  if (tiles.length === 0) return
  const { width, height } = tile
  const columns = Math.min(tiles.length, tile.columns)
  const { bytes } = await encodeStrip(tiles)
  writer.image({ use: 'strip', type: 'image/webp', width, height, columns, timesUs }, bytes)
}

async function tileAt(
  tools: IndexTools,
  place: StorePlace,
  table: IndexTable,
  timeUs: number,
  facts: DrawnFacts,
): Promise<Pixels | undefined> {
  const size = coveredBytes(table, 'cast')
  const screen = await screenAt(tools, place, table, { timeUs, size, ...facts })
  if (!screen) return undefined
  try {
    return await tools.images.tile(screen.terminal)
  } finally {
    screen.dispose()
  }
}
