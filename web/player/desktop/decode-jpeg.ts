/** A JPEG's pixels, by the browser's own decoder, which works off the page's thread. */
export async function decodeJpeg(jpeg: Uint8Array, width: number, height: number): Promise<Uint8Array> {
  const bitmap = await createImageBitmap(new Blob([jpeg.slice()], { type: 'image/jpeg' }), {
    colorSpaceConversion: 'none',
  })
  try {
    if (bitmap.width !== width || bitmap.height !== height)
      throw new Error(`it became ${bitmap.width}x${bitmap.height}`)
    const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })
    if (!context) throw new Error('the browser has no memory for it')
    context.drawImage(bitmap, 0, 0)
    return new Uint8Array(context.getImageData(0, 0, width, height).data.buffer)
  } finally {
    bitmap.close()
  }
}
