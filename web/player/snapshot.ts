import { SerializeAddon } from '@xterm/addon-serialize'
import type { Terminal } from '@xterm/xterm'

/** A picture that another emulator of the same size can be given: text that draws it and leaves the same state. */
export interface Snapshot {
  columns: number
  rows: number
  text: string
}

const esc = '\u001b'

// What the addon leaves out has no public face in xterm.js 6.0 (pinned): scroll region, hidden cursor, charsets, saved cursor.
interface Internals {
  _core?: {
    coreService?: { isCursorHidden?: boolean }
    _bufferService?: {
      buffer?: { scrollTop: number; scrollBottom: number; savedX: number; savedY: number; ybase: number }
    }
    _charsetService?: { glevel: number; charset: unknown; _charsets?: unknown[] }
  }
}

/** What the emulator shows and will do next. Call it when nothing is being written. */
export function takeSnapshot(terminal: Terminal, addon: SerializeAddon): Snapshot {
  const core = (terminal as unknown as Internals)._core
  const buffer = core?._bufferService?.buffer
  const active = terminal.buffer.active
  let text = addon.serialize({ scrollback: 0 })
  if (core?._charsetService?.charset)
    text += core._charsetService.glevel === 1 ? `${esc})0\u000e` : `${esc}(0`
  const top = buffer?.scrollTop ?? 0
  const bottom = buffer?.scrollBottom ?? terminal.rows - 1
  const region = top > 0 || bottom < terminal.rows - 1
  if (buffer && (buffer.savedX > 0 || buffer.savedY > buffer.ybase)) {
    const savedRow = Math.max(0, buffer.savedY - buffer.ybase)
    text += `${esc}[${savedRow + 1};${buffer.savedX + 1}H${esc}7`
  }
  if (region) text += `${esc}[${top + 1};${bottom + 1}r`
  // Choosing a region or origin moves the cursor, so it is placed last; in origin mode rows count from the region.
  const row = active.cursorY - (terminal.modes.originMode ? top : 0)
  const column = Math.min(active.cursorX, terminal.cols - 1)
  // A cursor past the last column waits to wrap; only printing the last cell brings it there, which the addon did.
  const waits = active.cursorX >= terminal.cols && !region
  if (!waits) text += `${esc}[${row + 1};${column + 1}H`
  text += core?.coreService?.isCursorHidden ? `${esc}[?25l` : ''
  return { columns: terminal.cols, rows: terminal.rows, text }
}

export function openSerializer(terminal: Terminal): SerializeAddon {
  const addon = new SerializeAddon()
  terminal.loadAddon(addon)
  return addon
}
