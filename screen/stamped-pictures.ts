import type { Terminal } from '@xterm/headless'
import { type CellSize, GlyphSheet } from './glyph-sheet.ts'
import { blankPixels, type Pixels, paintScreen, paintText, placePixels } from './paint-screen.ts'

/** Wider is more than a video player shows without shrinking it. */
const widthMax = 1920
const cellWidths = { least: 4, most: 10 }
/** As monospace fonts are. */
const cellRatio = 2

export interface StampOptions {
  /** The largest screen that comes; smaller ones stand at the top left of it. */
  columns: number
  rows: number
  /** Wall time of the recording's start, where it is known: then a line below the screen tells when it was so. */
  startMs: number | undefined
  clock: boolean
}

/** Pictures of a terminal, all of one size with even sides, as video encoders want them. */
export class StampedPictures {
  readonly width: number
  readonly height: number
  readonly #sheet: GlyphSheet
  readonly #options: StampOptions

  constructor(options: StampOptions) {
    this.#options = options
    const cell = cellFor(options.columns)
    this.#sheet = new GlyphSheet(cell)
    this.width = even(options.columns * cell.width)
    this.height = even((options.rows + (options.clock ? 1 : 0)) * cell.height)
  }

  /** `note` = what else is to be known of the moment. */
  async paint(terminal: Terminal, timeUs: number, note = ''): Promise<Pixels> {
    const screen = await paintScreen(terminal, this.#sheet, { cursor: true })
    const pixels = blankPixels(this.width, this.height)
    placePixels(pixels, screen)
    if (!this.#options.clock) return pixels
    const { startMs, rows } = this.#options
    const text = [stampText(timeUs, startMs), note].filter((part) => part !== '').join('  ')
    await paintText(pixels, this.#sheet, text, { x: 0, y: rows * this.#sheet.cell.height })
    return pixels
  }
}

/** `2026-03-02 13:04:05 UTC  00:12:04`: when, and how long after the start. */
export function stampText(timeUs: number, startMs: number | undefined): string {
  const seconds = Math.floor(timeUs / 1e6)
  const part = (value: number) => String(value).padStart(2, '0')
  const elapsed = `${part(Math.floor(seconds / 3600))}:${part(Math.floor(seconds / 60) % 60)}:${part(seconds % 60)}`
  if (startMs === undefined) return elapsed
  const wall = new Date(Math.floor(startMs / 1000) * 1000 + seconds * 1000).toISOString()
  return `${wall.slice(0, 10)} ${wall.slice(11, 19)} UTC  ${elapsed}`
}

function cellFor(columns: number): CellSize {
  const width = Math.max(cellWidths.least, Math.min(cellWidths.most, Math.floor(widthMax / columns)))
  return { width, height: width * cellRatio }
}

export function even(pixels: number): number {
  return pixels + (pixels % 2)
}
