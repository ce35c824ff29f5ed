import type { Terminal } from '@xterm/headless'
import { screenColours } from '../format/screen-colours.ts'
import { type EncodedImage, encodeWebp, fitPixels } from './encode-image.ts'
import { GlyphSheet } from './glyph-sheet.ts'
import { type Pixels, paintScreen } from './paint-screen.ts'

/** Wide enough to be read on a wall, small enough for a list of hundreds. */
export const posterPixels = 480
/** A strip's thumbnails, and how many are beside each other. */
export const tile = { width: 200, height: 125, columns: 10 }
/** A cell is this much higher than wide, as monospace fonts are. */
const cellRatio = 1.9
/** Narrower, letters are dots; wider than that, pictures only grow. */
const cellPixels = { least: 3, most: 12 }

/** Small pictures of terminals. Letters are drawn once for each size. */
export class ScreenImages {
  readonly #sheets = new Map<number, GlyphSheet>()

  async poster(terminal: Terminal): Promise<EncodedImage> {
    return encodeWebp(await this.#paint(terminal, posterPixels), posterPixels)
  }

  /** One thumbnail of a strip, of `tile`'s size. */
  async tile(terminal: Terminal): Promise<Pixels> {
    const pixels = await this.#paint(terminal, tile.width * 2)
    return fitPixels(pixels, tile.width, tile.height, screenColours.background)
  }

  /** At about `width` pixels across. */
  #paint(terminal: Terminal, width: number): Promise<Pixels> {
    const fitting = Math.round(width / terminal.cols)
    const across = Math.max(cellPixels.least, Math.min(cellPixels.most, fitting))
    const sheet =
      this.#sheets.get(across) ?? new GlyphSheet({ width: across, height: Math.round(across * cellRatio) })
    this.#sheets.set(across, sheet)
    return paintScreen(terminal, sheet, { cursor: true })
  }
}

/** Thumbnails beside and below each other. */
export async function encodeStrip(tiles: Pixels[]): Promise<EncodedImage> {
  const columns = Math.min(tiles.length, tile.columns)
  const rows = Math.ceil(tiles.length / tile.columns)
  const width = columns * tile.width
  const rgb = new Uint8Array(width * rows * tile.height * 3)
  for (const [i, pixels] of tiles.entries()) {
    const left = (i % tile.columns) * tile.width
    const top = Math.floor(i / tile.columns) * tile.height
    for (let row = 0; row < tile.height; row++) {
      const from = row * tile.width * 3
      rgb.set(pixels.rgb.subarray(from, from + tile.width * 3), ((top + row) * width + left) * 3)
    }
  }
  return encodeWebp({ width, height: rows * tile.height, rgb }, width)
}
