import sharp from 'sharp'
import type { DecodeJpeg } from '../format/screen-painter.ts'

/** Unpacks the JPEGs of a screen for `ScreenPainter`, which has looked at what size they say. */
export const decodeJpeg: DecodeJpeg = async (jpeg, width, height) => {
  const { data, info } = await sharp(jpeg, { limitInputPixels: width * height, failOn: 'error' })
    .toColourspace('srgb')
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true })
  // The size is a second opinion; more would be written over the rows below.
  if (info.width !== width || info.height !== height || info.channels !== 4)
    throw new Error(`it has ${info.width}x${info.height} pixels of ${info.channels} bytes`)
  return new Uint8Array(data.buffer, data.byteOffset, data.length)
}
