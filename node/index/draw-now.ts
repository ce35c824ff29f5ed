import { emptyTable } from '../../format/index-records.ts'
import { desktopPoster } from '../../screen/desktop-images.ts'
import { newestDesktop } from './desktop-moments.ts'
import type { DrawnImage, DrawRequest } from './index-messages.ts'
import type { IndexTools } from './index-tools.ts'
import { screenAt } from './moments.ts'

/**
 * The newest screen of a recording, drawn from what its index has and what came since; `undefined` where that is too much
 * at once. Rejects with StoreError.
 */
export async function drawNow(tools: IndexTools, draw: DrawRequest): Promise<DrawnImage | undefined> {
  const place = await tools.store.place(draw.recording)
  const table = (await tools.tables.read(place)) ?? emptyTable()
  if (draw.stream === 'rfb') {
    const desktop = await newestDesktop(tools, place, table, draw.size)
    return desktop && { type: 'image/webp', bytes: (await desktopPoster(desktop)).bytes }
  }
  const screen = await screenAt(tools, place, table, { ...draw, timeUs: Number.POSITIVE_INFINITY })
  if (!screen) return undefined
  try {
    const { bytes } = await tools.images.poster(screen.terminal)
    return { type: 'image/webp', bytes }
  } finally {
    screen.dispose()
  }
}
