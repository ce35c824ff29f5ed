import type { IBufferCell, IBufferLine, Terminal } from '@xterm/headless'

// Draws an emulated screen on the auditor's terminal: only what the emulator holds in its cells is written, with our own
// colours and cursor moves, so nothing that was recorded reaches the auditor's terminal as it came.

const reset = '\u001b[0m'
const erase = '\u001b[K'

export class ScreenPainter {
  #shown: string[] = []

  /**
   * What turns the last picture into this one. `columns` x `rows` = room on the auditor's terminal, from the top left; of
   * a screen with more rows the part with the cursor is shown.
   */
  paint(terminal: Terminal, columns: number, rows: number): string {
    const buffer = terminal.buffer.active
    const top = Math.max(0, Math.min(buffer.cursorY - rows + 1, terminal.rows - rows))
    let out = ''
    for (let y = 0; y < rows; y++) {
      const line = top + y < terminal.rows ? buffer.getLine(buffer.viewportY + top + y) : undefined
      const text = line ? paintLine(line, Math.min(columns, terminal.cols), columns) : erase
      if (this.#shown[y] === text) continue
      this.#shown[y] = text
      out += `\u001b[${y + 1};1H${reset}${text}${reset}`
    }
    const x = Math.min(buffer.cursorX, columns - 1) + 1
    const y = Math.min(buffer.cursorY - top, rows - 1) + 1
    return `${out}\u001b[${y};${x}H`
  }

  /** Forgets what is shown: the next picture is drawn whole. */
  clear(): void {
    this.#shown = []
  }
}

// Blank cells at the end are erased, not written. A full line has nothing to erase: behind its last column the cursor
// still stands on it, and erasing would take that.
function paintLine(line: IBufferLine, cells: number, columns: number): string {
  let out = ''
  let style = ''
  let kept = ''
  let keptCells = 0
  for (let x = 0; x < cells; x++) {
    const cell = line.getCell(x)
    if (!cell || cell.getWidth() === 0) continue
    const wanted = styleOf(cell)
    if (wanted !== style) out += `\u001b[0${wanted}m`
    style = wanted
    // The second half of a wide character would begin a line of its own.
    const characters = cell.getWidth() > columns - x ? ' ' : visible(cell.getChars())
    out += characters
    if (characters === ' ' && style === '') continue
    kept = out
    keptCells = x + cell.getWidth()
  }
  return keptCells < columns ? `${kept}${reset}${erase}` : kept
}

// An emulator keeps no control in a cell; what turns the direction of text it does keep.
function visible(characters: string): string {
  return characters.replace(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '') || ' '
}

function styleOf(cell: IBufferCell): string {
  let style = ''
  if (cell.isBold()) style += ';1'
  if (cell.isDim()) style += ';2'
  if (cell.isItalic()) style += ';3'
  if (cell.isUnderline()) style += ';4'
  if (cell.isInverse()) style += ';7'
  if (cell.isInvisible()) style += ';8'
  if (cell.isStrikethrough()) style += ';9'
  if (cell.isFgPalette()) style += `;38;5;${cell.getFgColor()}`
  if (cell.isFgRGB()) style += rgb(38, cell.getFgColor())
  if (cell.isBgPalette()) style += `;48;5;${cell.getBgColor()}`
  if (cell.isBgRGB()) style += rgb(48, cell.getBgColor())
  return style
}

function rgb(ground: number, color: number): string {
  return `;${ground};2;${(color >> 16) & 255};${(color >> 8) & 255};${color & 255}`
}
