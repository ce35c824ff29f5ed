import type { Framebuffer } from '../format/framebuffer.ts'
import { screenColours } from '../format/screen-colours.ts'
import { type EncodedImage, encodeWebp, fitPixels } from './encode-image.ts'
import { blankPixels, type Pixels } from './paint-screen.ts'
import { posterPixels, tile } from './screen-images.ts'

/** Before anything was seen of a desktop. */
const blank = { width: posterPixels, height: Math.round((posterPixels * 5) / 8) }

/** A desktop's pixels, without their fourth byte, which means nothing. */
export function desktopPixels({ width, height, pixels }: Framebuffer): Pixels {
  const rgb = new Uint8Array(width * height * 3)
  for (let from = 0, to = 0; from < pixels.length; from += 4) {
    rgb[to++] = pixels[from]!
    rgb[to++] = pixels[from + 1]!
    rgb[to++] = pixels[from + 2]!
  }
  return { width, height, rgb }
}

/** As `ScreenImages` makes them of terminals; `undefined` = nothing is known of the screen. */
export async function desktopPoster(screen: Framebuffer | undefined): Promise<EncodedImage> {
  return encodeWebp(screen ? desktopPixels(screen) : blankPixels(blank.width, blank.height), posterPixels)
}

export async function desktopTile(screen: Framebuffer): Promise<Pixels> {
  return fitPixels(desktopPixels(screen), tile.width, tile.height, screenColours.background)
}
