import { coveredBytes, type IndexedFrame, type IndexTable, shownStream } from '../../format/index-records.ts'
import { desktopPoster } from '../../screen/desktop-images.ts'
import { EmulatedScreen } from '../../screen/emulated-screen.ts'
import type { EncodedImage } from '../../screen/encode-image.ts'
import type { StorePlace } from '../store/store-place.ts'
import { desktopFrameAt, desktopScreens } from './desktop-moments.ts'
import type { DrawnFacts } from './drawn-facts.ts'
import type { IndexTools } from './index-tools.ts'
import { screenAt } from './moments.ts'

/** The moment of the recording that shows most, the latest of equals; `undefined` where none shows anything. */
export function fullestUs(table: IndexTable): number | undefined {
  const shown = shownStream(table)
  let best: IndexedFrame['fullest']
  for (const { stream, fullest } of table.frames)
    if (stream === shown && fullest && fullest.cells >= (best?.cells ?? 0)) best = fullest
  return best?.timeUs
}

/** Rejects with StoreError. */
export async function drawTerminalPoster(
  tools: IndexTools,
  place: StorePlace,
  table: IndexTable,
  facts: DrawnFacts,
): Promise<EncodedImage> {
  const moment = { timeUs: fullestUs(table) ?? 0, size: coveredBytes(table, 'cast'), ...facts }
  const screen =
    (await screenAt(tools, place, table, moment)) ?? new EmulatedScreen(moment.columns, moment.rows)
  return tools.images.poster(screen.terminal).finally(() => screen.dispose())
}

/** Rejects with StoreError. */
export async function drawDesktopPoster(
  tools: IndexTools,
  place: StorePlace,
  table: IndexTable,
): Promise<EncodedImage> {
  const timeUs = fullestUs(table)
  const frame = timeUs === undefined ? undefined : desktopFrameAt(table, timeUs)
  if (frame && timeUs !== undefined)
    for await (const { screen } of desktopScreens(tools, place, frame, [timeUs])) return desktopPoster(screen)
  return desktopPoster(undefined)
}
