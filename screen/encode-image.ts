import sharp from 'sharp'
import type { Pixels } from './paint-screen.ts'

// One picture at a time: whoever encodes is a background worker or a command, and must not take every core.
sharp.concurrency(1)
sharp.cache(false)

/** Small letters stay readable, and a full screen in colour has some 8 KB. */
const webpQuality = 65
/** More effort takes ten times as long for a tenth less. */
const webpEffort = 2

export interface EncodedImage {
  width: number
  height: number
  bytes: Uint8Array
}

/** WebP of at most `widthMax` pixels across. */
export async function encodeWebp(pixels: Pixels, widthMax: number): Promise<EncodedImage> {
  const { data, info } = await input(pixels)
    .resize({ width: widthMax, withoutEnlargement: true })
    .webp({ quality: webpQuality, effort: webpEffort })
    .toBuffer({ resolveWithObject: true })
  return { width: info.width, height: info.height, bytes: new Uint8Array(data) }
}

export async function encodePng(pixels: Pixels): Promise<Uint8Array> {
  return new Uint8Array(await input(pixels).png().toBuffer())
}

/** The pixels made `width` x `height`, with the ground's colour around where they have another shape. */
export async function fitPixels(
  pixels: Pixels,
  width: number,
  height: number,
  ground: string,
): Promise<Pixels> {
  const rgb = await input(pixels)
    .resize({ width, height, fit: 'contain', background: ground })
    .removeAlpha()
    .raw()
    .toBuffer()
  return { width, height, rgb: new Uint8Array(rgb) }
}

function input({ width, height, rgb }: Pixels) {
  return sharp(rgb, { raw: { width, height, channels: 3 } })
}
