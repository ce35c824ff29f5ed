import sharp from 'sharp'

// Letters as masks, drawn by what fontconfig finds for `monospace` on this machine, once each and many at a time. Where it
// finds nothing, a letter is a bar: at the size of a thumbnail one knows a screen by that, too.

/** One cell of a screen, in pixels. */
export interface CellSize {
  width: number
  height: number
}

export type GlyphStyle = 'normal' | 'bold' | 'italic' | 'bold-italic'

/** How much of each pixel the letter covers, 0 to 255, row by row; `cells` wide. */
export interface Glyph {
  cells: 1 | 2
  mask: Uint8Array
}

/** Different letters kept; a recording of all scripts starts again. */
const glyphsMax = 4096
/** Drawn in one picture: enough for a full screen of strange letters in a few. */
const sheetGlyphsMax = 256
/** Of a cell's height: leaves room for accents and for letters below the line, whatever the font. */
const fontShare = 0.84
const baselineShare = 0.79
/** Around each letter, so that none reaches into its neighbour's cut. */
const marginShare = 0.5
const barShares = { top: 0.3, bottom: 0.75, cover: 150 }

export class GlyphSheet {
  readonly cell: CellSize
  readonly #glyphs = new Map<string, Glyph>()
  #hasFont: boolean | undefined

  constructor(cell: CellSize) {
    this.cell = cell
  }

  /** A letter that `load` was told of. */
  get(style: GlyphStyle, characters: string): Glyph | undefined {
    return this.#glyphs.get(keyOf(style, characters))
  }

  /** Draws the letters that are not there yet. */
  async load(wanted: Iterable<{ style: GlyphStyle; characters: string; cells: 1 | 2 }>): Promise<void> {
    this.#hasFont ??= await hasFont(this.cell)
    const missing = new Map(
      [...wanted].map((letter) => [keyOf(letter.style, letter.characters), letter] as const),
    )
    for (const key of this.#glyphs.keys()) missing.delete(key)
    if (this.#glyphs.size + missing.size > glyphsMax) this.#glyphs.clear()
    const letters = [...missing].slice(0, glyphsMax)
    for (let from = 0; from < letters.length; from += sheetGlyphsMax) {
      const some = letters.slice(from, from + sheetGlyphsMax)
      const masks = this.#hasFont
        ? await drawLetters(
            some.map(([, letter]) => letter),
            this.cell,
          )
        : some.map(([, { cells }]) => bar(cells, this.cell))
      for (const [i, [key, { cells }]] of some.entries()) this.#glyphs.set(key, { cells, mask: masks[i]! })
    }
  }
}

function keyOf(style: GlyphStyle, characters: string): string {
  return `${style} ${characters}`
}

async function hasFont(cell: CellSize): Promise<boolean> {
  const [mask] = await drawLetters([{ style: 'normal', characters: 'M', cells: 1 }], cell)
  return mask!.some((cover) => cover > 0)
}

async function drawLetters(
  letters: { style: GlyphStyle; characters: string; cells: 1 | 2 }[],
  { width, height }: CellSize,
): Promise<Uint8Array[]> {
  const margin = Math.ceil(width * marginShare)
  const stride = width * 2 + margin * 2
  const texts = letters.map(({ style, characters }, i) => {
    const weight = style.startsWith('bold') ? ' font-weight="bold"' : ''
    const slant = style.endsWith('italic') ? ' font-style="italic"' : ''
    return `<text x="${i * stride + margin}" y="${height * baselineShare}"${weight}${slant}>${xmlText(characters)}</text>`
  })
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${letters.length * stride}" height="${height}"
    font-family="monospace" font-size="${height * fontShare}" fill="#fff" xml:space="preserve">${texts.join('')}</svg>`
  const { data, info } = await sharp(Buffer.from(svg))
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true })
  return letters.map(({ cells }, i) => {
    const mask = new Uint8Array(width * cells * height)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width * cells; x++)
        mask[y * width * cells + x] = data[(y * info.width + i * stride + margin + x) * info.channels + 3]!
    return mask
  })
}

function bar(cells: 1 | 2, { width, height }: CellSize): Uint8Array {
  const mask = new Uint8Array(width * cells * height)
  mask.fill(
    barShares.cover,
    Math.floor(height * barShares.top) * width * cells,
    Math.ceil(height * barShares.bottom) * width * cells,
  )
  return mask
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }

// XML knows no control characters and no halves of surrogate pairs, however they are written.
function xmlText(characters: string): string {
  return characters
    .toWellFormed()
    .replace(/[\0-\u001f\u007f-\u009f\ufffe\uffff]/g, '\ufffd')
    .replace(/[&<>]/g, (character) => entities[character]!)
}
