import type { IBufferCell, Terminal } from '@xterm/xterm'
import { palette, screenColours } from '../../../format/screen-colours.ts'

/** Paints the screen small, `width` CSS pixels wide, as one recognises it: colours and words' shapes. Returns its height. */
export function drawScreen(canvas: HTMLCanvasElement, terminal: Terminal, width: number): number {
  const cellWidth = width / terminal.cols
  const cellHeight = cellWidth * 2
  const height = Math.round(cellHeight * terminal.rows)
  const ratio = devicePixelRatio
  canvas.width = Math.round(width * ratio)
  canvas.height = Math.round(height * ratio)
  const context = canvas.getContext('2d')
  if (!context) return height
  context.scale(ratio, ratio)
  context.fillStyle = screenColours.background
  context.fillRect(0, 0, width, height)
  context.font = `${cellHeight * 0.85}px monospace`
  context.textBaseline = 'middle'
  const buffer = terminal.buffer.active
  let cell: IBufferCell | undefined
  for (let row = 0; row < terminal.rows; row++) {
    const line = buffer.getLine(buffer.baseY + row)
    for (let column = 0; line && column < terminal.cols; column++) {
      cell = line.getCell(column, cell)
      if (!cell || cell.getWidth() === 0) continue
      const inverse = cell.isInverse() !== 0
      const ground = inverse ? foreground(cell) : background(cell)
      const x = column * cellWidth
      if (ground) {
        context.fillStyle = ground
        context.fillRect(x, row * cellHeight, cellWidth * cell.getWidth() + 0.3, cellHeight + 0.3)
      }
      const text = cell.getChars()
      if (text.trim() === '' || cell.isInvisible()) continue
      context.fillStyle = inverse ? (background(cell) ?? screenColours.background) : foreground(cell)
      context.globalAlpha = cell.isDim() ? 0.5 : 1
      context.fillText(text, x, (row + 0.5) * cellHeight, cellWidth * cell.getWidth())
      context.globalAlpha = 1
    }
  }
  return height
}

function foreground(cell: IBufferCell): string {
  if (cell.isFgRGB()) return rgb(cell.getFgColor())
  if (cell.isFgPalette()) return rgb(palette[cell.getFgColor()]!)
  return screenColours.foreground
}

/** `undefined` where it is the screen's own ground. */
function background(cell: IBufferCell): string | undefined {
  if (cell.isBgRGB()) return rgb(cell.getBgColor())
  if (cell.isBgPalette()) return rgb(palette[cell.getBgColor()]!)
  return undefined
}

function rgb(colour: number): string {
  return `#${colour.toString(16).padStart(6, '0')}`
}
