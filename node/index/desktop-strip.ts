import type { IndexedFrame } from '../../format/index-records.ts'
import { desktopTile } from '../../screen/desktop-images.ts'
import type { Pixels } from '../../screen/paint-screen.ts'
import type { StorePlace } from '../store/store-place.ts'
import { tilesMax, writeStrip } from './add-strip.ts'
import { desktopFrameAt, desktopScreens } from './desktop-moments.ts'
import type { IndexTools } from './index-tools.ts'
import type { IndexWriter } from './index-writer.ts'

/** Makes the strip of thumbnails of a desktop that has ended, a frame at a time: each is decoded once. */
export class DesktopStrip {
  readonly #tools: IndexTools
  readonly #place: StorePlace
  readonly #writer: IndexWriter
  readonly #left: { frame: IndexedFrame; timesUs: number[] }[] = []
  readonly #tiles: Pixels[] = []
  readonly #timesUs: number[] = []

  constructor(tools: IndexTools, place: StorePlace, writer: IndexWriter) {
    this.#tools = tools
    this.#place = place
    this.#writer = writer
    const { table } = writer
    if (table.images.some(({ use }) => use === 'strip')) return
    const endUs = table.frames.reduce(
      (end, { stream, endUs }) => (stream === 'rfb' ? Math.max(end, endUs) : end),
      0,
    )
    for (let i = 0; i < tilesMax; i++) {
      const timeUs = Math.floor((endUs * (i + 0.5)) / tilesMax)
      const frame = desktopFrameAt(table, timeUs)
      if (!frame) return
      if (this.#left.at(-1)?.frame === frame) this.#left.at(-1)!.timesUs.push(timeUs)
      else this.#left.push({ frame, timesUs: [timeUs] })
    }
  }

  /** One frame's thumbnails; false once the strip is added. Rejects with StoreError. */
  async step(): Promise<boolean> {
    const next = this.#left.shift()
    if (!next) {
      await writeStrip(this.#writer, this.#tiles, this.#timesUs)
      return false
    }
    for await (const { timeUs, screen } of desktopScreens(
      this.#tools,
      this.#place,
      next.frame,
      next.timesUs,
    )) {
      this.#tiles.push(await desktopTile(screen))
      this.#timesUs.push(timeUs)
    }
    return true
  }
}
