import type { IBufferCell, Terminal } from '@xterm/headless'

/** How much a screen shows: its cells that are not blank. */
export function fullness(terminal: Terminal): number {
  const buffer = terminal.buffer.active
  let cell: IBufferCell | undefined
  let full = 0
  for (let row = 0; row < terminal.rows; row++) {
    const line = buffer.getLine(buffer.baseY + row)
    for (let column = 0; line && column < terminal.cols; column++) {
      cell = line.getCell(column, cell)
      const code = cell?.getCode() ?? 0
      if (code !== 0 && code !== 0x20) full += 1
    }
  }
  return full
}
