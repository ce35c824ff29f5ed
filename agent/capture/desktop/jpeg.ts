/** A picture of `width` x `height`, four bytes a pixel, as JPEG. `quality` from 1 to 100. */
export type EncodeJpeg = (
  pixels: Uint8Array,
  width: number,
  height: number,
  quality: number,
) => Promise<Uint8Array>

/** sharp's, which is loaded only where something is recorded lossy: it costs 20 MB. */
export async function loadJpeg(): Promise<EncodeJpeg> {
  const { default: sharp } = await import('sharp')
  // One picture at a time on one core, and none kept: the desktop's user has the rest.
  sharp.concurrency(1)
  sharp.cache(false)
  return (pixels, width, height, quality) =>
    sharp(pixels, { raw: { width, height, channels: 4 } })
      .removeAlpha()
      .jpeg({ quality })
      .toBuffer()
}
