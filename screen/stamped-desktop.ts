import type { Framebuffer } from '../format/framebuffer.ts'
import { screenColours } from '../format/screen-colours.ts'
import { desktopPixels } from './desktop-images.ts'
import { fitPixels } from './encode-image.ts'
import { GlyphSheet } from './glyph-sheet.ts'
import { blankPixels, type Pixels, paintText, placePixels } from './paint-screen.ts'
import { even, stampText } from './stamped-pictures.ts'

/** Of the line with the time. */
const cell = { width: 10, height: 20 }

export interface DesktopStampOptions {
  /** The largest screen that comes: smaller ones stand in its middle, as large as they were. */
  width: number
  height: number
  /** Wall time of the recording's start, where it is known: then a line below the screen tells when it was so. */
  startMs: number | undefined
  clock: boolean
  /** Video encoders want even sides. */
  evenSides: boolean
}

/** Pictures of a desktop, all of one size. */
export class StampedDesktop {
  readonly width: number
  readonly height: number
  readonly #options: DesktopStampOptions
  readonly #sheet = new GlyphSheet(cell)

  constructor(options: DesktopStampOptions) {
    this.#options = options
    const { width, height, clock, evenSides } = options
    const high = height + (clock ? cell.height : 0)
    this.width = evenSides ? even(width) : width
    this.height = evenSides ? even(high) : high
  }

  /** `note` = what else is to be known of the moment. */
  async paint(screen: Framebuffer, timeUs: number, note: string): Promise<Pixels> {
    const { width, height, startMs, clock } = this.#options
    const isLarger = screen.width > width || screen.height > height
    const shown = isLarger
      ? await fitPixels(desktopPixels(screen), width, height, screenColours.background)
      : desktopPixels(screen)
    if (shown.width === this.width && shown.height === this.height) return shown
    const pixels = blankPixels(this.width, this.height)
    placePixels(pixels, shown, {
      x: Math.floor((width - shown.width) / 2),
      y: Math.floor((height - shown.height) / 2),
    })
    if (!clock) return pixels
    const text = [stampText(timeUs, startMs), note].filter((part) => part !== '').join('  ')
    await paintText(pixels, this.#sheet, text, { x: 0, y: height })
    return pixels
  }
}
