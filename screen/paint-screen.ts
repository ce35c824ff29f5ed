import type { IBufferCell, IBufferLine, Terminal } from '@xterm/headless'
import { palette, screenColours } from '../format/screen-colours.ts'
import type { GlyphSheet, GlyphStyle } from './glyph-sheet.ts'

/** Pixels of three bytes, red first. */
export interface Pixels {
  width: number
  height: number
  rgb: Uint8Array
}

const ground = colourOf(screenColours.background)
const ink = colourOf(screenColours.foreground)

/** A letter in its cell: what `GlyphSheet` draws, and in which colours. */
interface Letter {
  x: number
  y: number
  style: GlyphStyle
  characters: string
  cells: 1 | 2
  fore: number
  back: number
  underline: boolean
  strike: boolean
}

/** All in the ground's colour. */
export function blankPixels(width: number, height: number): Pixels {
  const pixels = { width, height, rgb: new Uint8Array(width * height * 3) }
  fill(pixels, { x: 0, y: 0, width, height }, ground)
  return pixels
}

/** Copies `from`, its top left to `x`, `y`, as far as there is room. */
export function placePixels(pixels: Pixels, from: Pixels, { x, y } = { x: 0, y: 0 }): void {
  const rowBytes = Math.min(pixels.width - x, from.width) * 3
  for (let row = 0; row < Math.min(pixels.height - y, from.height); row++) {
    const at = row * from.width * 3
    pixels.rgb.set(from.rgb.subarray(at, at + rowBytes), ((y + row) * pixels.width + x) * 3)
  }
}

/** Paints an emulated screen with the sheet's cells. */
export async function paintScreen(
  terminal: Terminal,
  sheet: GlyphSheet,
  options: { cursor?: boolean } = {},
): Promise<Pixels> {
  const letters = [...lettersOf(terminal)]
  await sheet.load(letters.filter(({ characters }) => characters !== ''))
  const pixels = blankPixels(terminal.cols * sheet.cell.width, terminal.rows * sheet.cell.height)
  for (const letter of letters) paintLetter(pixels, letter, sheet)
  if (options.cursor) paintCursor(pixels, terminal, sheet)
  return pixels
}

/** Writes a line of text on the ground, its top left at `at`. */
export async function paintText(
  pixels: Pixels,
  sheet: GlyphSheet,
  text: string,
  at: { x: number; y: number },
): Promise<void> {
  const letters = [...text].map((characters) => ({ style: 'normal' as const, characters, cells: 1 as const }))
  await sheet.load(letters)
  for (const [i, letter] of letters.entries()) {
    const x = at.x + i * sheet.cell.width
    if (x + sheet.cell.width > pixels.width) return
    blend(pixels, x, at.y, sheet.get('normal', letter.characters)!, sheet, ink, ground)
  }
}

function* lettersOf(terminal: Terminal): Generator<Letter> {
  const buffer = terminal.buffer.active
  let cell: IBufferCell | undefined
  for (let y = 0; y < terminal.rows; y++) {
    const line: IBufferLine | undefined = buffer.getLine(buffer.baseY + y)
    for (let x = 0; line && x < terminal.cols; x++) {
      cell = line.getCell(x, cell)
      if (!cell || cell.getWidth() === 0) continue
      const letter = letterOf(cell, x, y)
      if (letter) yield letter
    }
  }
}

// `undefined` where there is nothing but the ground.
function letterOf(cell: IBufferCell, x: number, y: number): Letter | undefined {
  const characters = cell.isInvisible() ? '' : cell.getChars().trim()
  const inverse = cell.isInverse() !== 0
  const underline = cell.isUnderline() !== 0
  const strike = cell.isStrikethrough() !== 0
  if (characters === '' && !inverse && !underline && !strike && cell.isBgDefault()) return undefined
  const colours = [foreColour(cell), backColour(cell)]
  if (inverse) colours.reverse()
  const [fore, back] = colours as [number, number]
  const style = cell.isBold()
    ? cell.isItalic()
      ? 'bold-italic'
      : 'bold'
    : cell.isItalic()
      ? 'italic'
      : 'normal'
  const cells = cell.getWidth() === 2 ? 2 : 1
  return {
    x,
    y,
    style,
    characters,
    cells,
    fore: cell.isDim() ? between(fore, back, 128) : fore,
    back,
    underline,
    strike,
  }
}

function foreColour(cell: IBufferCell): number {
  if (cell.isFgRGB()) return cell.getFgColor()
  return cell.isFgPalette() ? palette[cell.getFgColor()]! : ink
}

function backColour(cell: IBufferCell): number {
  if (cell.isBgRGB()) return cell.getBgColor()
  return cell.isBgPalette() ? palette[cell.getBgColor()]! : ground
}

function paintLetter(pixels: Pixels, letter: Letter, sheet: GlyphSheet): void {
  const { width, height } = sheet.cell
  const x = letter.x * width
  const y = letter.y * height
  const area = { x, y, width: width * letter.cells, height }
  if (letter.back !== ground) fill(pixels, area, letter.back)
  const glyph = letter.characters === '' ? undefined : sheet.get(letter.style, letter.characters)
  if (glyph) blend(pixels, x, y, glyph, sheet, letter.fore, letter.back)
  const line = Math.max(1, Math.round(height / 16))
  if (letter.underline) fill(pixels, { ...area, y: y + height - line, height: line }, letter.fore)
  if (letter.strike) fill(pixels, { ...area, y: y + (height >> 1), height: line }, letter.fore)
}

function paintCursor(pixels: Pixels, terminal: Terminal, { cell }: GlyphSheet): void {
  const { cursorX, cursorY } = terminal.buffer.active
  const x = Math.min(cursorX, terminal.cols - 1) * cell.width
  const height = Math.max(1, Math.round(cell.height / 8))
  fill(pixels, { x, y: (cursorY + 1) * cell.height - height, width: cell.width, height }, ink)
}

interface Area {
  x: number
  y: number
  width: number
  height: number
}

function fill(pixels: Pixels, { x, y, width, height }: Area, colour: number): void {
  const right = Math.min(pixels.width, x + width)
  for (let row = y; row < Math.min(pixels.height, y + height); row++)
    for (let at = (row * pixels.width + x) * 3, end = (row * pixels.width + right) * 3; at < end; ) {
      pixels.rgb[at++] = colour >> 16
      pixels.rgb[at++] = (colour >> 8) & 255
      pixels.rgb[at++] = colour & 255
    }
}

function blend(
  pixels: Pixels,
  x: number,
  y: number,
  glyph: { cells: number; mask: Uint8Array },
  { cell }: GlyphSheet,
  fore: number,
  back: number,
): void {
  const width = cell.width * glyph.cells
  const right = Math.min(width, pixels.width - x)
  for (let row = 0; row < cell.height; row++)
    for (let column = 0; column < right; column++) {
      const cover = glyph.mask[row * width + column]!
      if (cover === 0) continue
      const colour = between(back, fore, cover)
      const at = ((y + row) * pixels.width + x + column) * 3
      pixels.rgb[at] = colour >> 16
      pixels.rgb[at + 1] = (colour >> 8) & 255
      pixels.rgb[at + 2] = colour & 255
    }
}

/** `share` of 255 of the way from `a` to `b`. */
function between(a: number, b: number, share: number): number {
  const mix = (shift: number) => {
    const from = (a >> shift) & 255
    return from + Math.round(((((b >> shift) & 255) - from) * share) / 255)
  }
  return (mix(16) << 16) | (mix(8) << 8) | mix(0)
}

function colourOf(text: string): number {
  return Number.parseInt(text.slice(1), 16)
}
