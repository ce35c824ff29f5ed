// Pictures of three bytes a pixel, read from X servers and painted from recordings with code of its own, so that what the
// product writes is not judged by what the product reads.

export interface Picture {
  width: number
  height: number
  /** Red, green, blue. */
  rgb: Uint8Array
}

export interface Area {
  x: number
  y: number
  width: number
  height: number
}

/** Of xwd: a header of big-endian words, then rows of pixels with blue in the lowest byte. */
export function parseXwd(bytes: Uint8Array): Picture {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const word = (index: number) => view.getUint32(index * 4)
  const [headerBytes, width, height, bits, rowBytes, colours] = [
    word(0),
    word(4),
    word(5),
    word(11),
    word(12),
    word(19),
  ]
  if ((bits !== 32 && bits !== 24) || word(7) !== 0)
    throw new Error(`Expected 24 or 32 bits a pixel in little-endian order, got ${bits}.`)
  const start = headerBytes + colours * 12
  const rgb = new Uint8Array(width * height * 3)
  for (let y = 0, to = 0; y < height; y++)
    for (let x = 0, from = start + y * rowBytes; x < width; x++, from += bits / 8) {
      rgb[to++] = bytes[from + 2]!
      rgb[to++] = bytes[from + 1]!
      rgb[to++] = bytes[from]!
    }
  return { width, height, rgb }
}

/** What of a pointer in the lower right corner can be seen: the picture of an X server has none, a recording has it. */
const cornerPixels = 16

/** Where two pictures differ, in words; `undefined` when nowhere but in the lower right corner and in `except`. */
export function difference(a: Picture, b: Picture, except?: Area): string | undefined {
  if (a.width !== b.width || a.height !== b.height)
    return `sizes ${a.width}x${a.height} and ${b.width}x${b.height}`
  const corner = {
    x: a.width - cornerPixels,
    y: a.height - cornerPixels,
    width: cornerPixels,
    height: cornerPixels,
  }
  const found = differing(a, b).filter((at) => !isIn(at, corner) && !(except && isIn(at, except)))
  return found.length === 0
    ? undefined
    : `${found.length} pixels differ, the first at ${found[0]!.x},${found[0]!.y}`
}

function isIn(at: { x: number; y: number }, { x, y, width, height }: Area): boolean {
  return at.x >= x && at.y >= y && at.x < x + width && at.y < y + height
}

/** Every pixel that is not the same in two pictures of one size. */
export function differing(a: Picture, b: Picture): { x: number; y: number }[] {
  const found: { x: number; y: number }[] = []
  for (let i = 0; i < a.rgb.length; i += 3)
    if (a.rgb[i] !== b.rgb[i] || a.rgb[i + 1] !== b.rgb[i + 1] || a.rgb[i + 2] !== b.rgb[i + 2])
      found.push({ x: (i / 3) % a.width, y: Math.floor(i / 3 / a.width) })
  return found
}
