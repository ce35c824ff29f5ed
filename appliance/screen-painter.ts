import type { IBufferCell, IBufferLine, Terminal } from '@xterm/headless'

// Draws an emulated screen on the auditor's terminal: only what the emulator holds in its cells is written, with our own
// colours and cursor moves, so nothing that was recorded reaches the auditor's terminal as it came.

const reset = '\u001b[0m'

export class ScreenPainter {
  #shown: string[] = []

  /** What turns the last picture into this one. `columns` x `rows` = room on the auditor's terminal, from the top left. */
  paint(terminal: Terminal, columns: number, rows: number): string {
    const buffer = terminal.buffer.active
    let out = ''
    for (let y = 0; y < rows; y++) {
      const line = y < terminal.rows ? buffer.getLine(buffer.viewportY + y) : undefined
      const text = line ? paintLine(line, Math.min(columns, terminal.cols)) : ''
      if (this.#shown[y] === text) continue
      this.#shown[y] = text
      out += `\u001b[${y + 1};1H${reset}${text}${reset}\u001b[K`
    }
    const x = Math.min(buffer.cursorX, columns - 1) + 1
    const y = Math.min(buffer.cursorY, rows - 1) + 1
    return `${out}\u001b[${y};${x}H`
  }

  /** Forgets what is shown: the next picture is drawn whole. */
  clear(): void {
    this.#shown = []
  }
}

function paintLine(line: IBufferLine, columns: number): string {
  let out = ''
  let style = ''
  for (let x = 0; x < columns; x++) {
    const cell = line.getCell(x)
    if (!cell || cell.getWidth() === 0) continue
    const wanted = styleOf(cell)
    if (wanted !== style) out += `\u001b[0${wanted}m`
    style = wanted
    // The second half of a wide character would begin a line of its own.
    out += cell.getWidth() > columns - x ? ' ' : visible(cell.getChars())
  }
  return out
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
