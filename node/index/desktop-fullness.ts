import type { Framebuffer } from '../../format/framebuffer.ts'

/** Cells of so many pixels, of which some rows are looked at: letters and lines cross them. */
const cellPixels = 16
const rowsSeen = [3, 8, 12]
/** Red, green and blue; the fourth byte means nothing. */
const colourMask = 0x00ffffff

/** How much a desktop shows: its cells that have more than one colour. */
export function desktopFullness({ width, height, pixels }: Framebuffer): number {
  const words = new Uint32Array(pixels.buffer, pixels.byteOffset, width * height)
  let full = 0
  for (let top = 0; top + cellPixels <= height; top += cellPixels)
    for (let left = 0; left + cellPixels <= width; left += cellPixels) {
      const colour = words[top * width + left]! & colourMask
      const differs = rowsSeen.some((row) => {
        const start = (top + row) * width + left
        for (let at = start; at < start + cellPixels; at++)
          if ((words[at]! & colourMask) !== colour) return true
        return false
      })
      if (differs) full += 1
    }
  return full
}
