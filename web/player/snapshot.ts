import type { Terminal } from '@xterm/xterm'

/**
 * All that an emulator shows and will do next, copied cell by cell. Text that draws the same picture (as xterm.js's own
 * serializer writes) leaves out underline styles, saved cursors, tab stops and more; this leaves out nothing, so a seek
 * shows exactly what playing shows.
 */
export interface Snapshot {
  columns: number
  rows: number
  /** What it takes of memory, about. */
  bytes: number
  alternate: boolean
  buffers: BufferState[]
  state: object
}

interface BufferState {
  lines: Line[]
  linesMax: number
  fields: Partial<Buffer>
}

// What an emulator's state is has no public face in xterm.js 6.0 (pinned); test/web/snapshot.test.ts compares two emulators
// after random output, so that another version cannot change it unseen.
interface Line {
  _data: Uint32Array
  clone(): Line
}
interface Attributes {
  clone(): Attributes
}
interface Buffer {
  lines: { length: number; maxLength: number; get(index: number): Line; push(line: Line): void }
  x: number
  y: number
  ybase: number
  ydisp: number
  scrollTop: number
  scrollBottom: number
  savedX: number
  savedY: number
  savedCharset: unknown
  savedCurAttrData: Attributes
  tabs: object
}
interface Core {
  coreService: {
    modes: object
    decPrivateModes: object
    isCursorHidden: boolean
    isCursorInitialized: boolean
  }
  _bufferService: {
    buffers: {
      active: Buffer
      alt: Buffer
      normal: Buffer
      activateAltBuffer(): void
      activateNormalBuffer(): void
    }
  }
  _charsetService: { charset: unknown; glevel: number; _charsets: unknown[] }
  _inputHandler: { _curAttrData: Attributes; _parser: { precedingJoinState: number } }
}
type State = ReturnType<typeof stateOf>

/** Call it when nothing is being written. */
export function takeSnapshot(terminal: Terminal): Snapshot {
  const core = coreOf(terminal)
  const { active, alt, normal } = core._bufferService.buffers
  const buffers = [normal, alt].map((buffer) => ({
    lines: linesOf(buffer),
    linesMax: buffer.lines.maxLength,
    fields: fieldsOf(buffer),
  }))
  let bytes = 0
  for (const { lines } of buffers) for (const line of lines) bytes += line._data.byteLength
  return {
    columns: terminal.cols,
    rows: terminal.rows,
    bytes,
    alternate: active === alt,
    buffers,
    state: stateOf(terminal),
  }
}

/** Makes `terminal` the same as the one the snapshot was taken of; painting is the caller's. Call it when nothing is being written. */
export function restoreSnapshot(terminal: Terminal, snapshot: Snapshot): void {
  const { buffers } = coreOf(terminal)._bufferService
  terminal.resize(snapshot.columns, snapshot.rows)
  if (snapshot.alternate) buffers.activateAltBuffer()
  else buffers.activateNormalBuffer()
  for (const [index, buffer] of [buffers.normal, buffers.alt].entries()) {
    const { lines, linesMax, fields } = snapshot.buffers[index]!
    buffer.lines.length = 0
    buffer.lines.maxLength = linesMax
    for (const line of lines) buffer.lines.push(line.clone())
    Object.assign(buffer, fields, {
      savedCurAttrData: fields.savedCurAttrData!.clone(),
      tabs: { ...fields.tabs },
    })
  }
  setState(terminal, snapshot.state as State)
}

function coreOf(terminal: Terminal): Core {
  return (terminal as unknown as { _core: Core })._core
}

function linesOf({ lines }: Buffer): Line[] {
  return Array.from({ length: lines.length }, (_, index) => lines.get(index).clone())
}

function fieldsOf(buffer: Buffer): Partial<Buffer> {
  const { x, y, ybase, ydisp, scrollTop, scrollBottom, savedX, savedY, savedCharset } = buffer
  return {
    ...{ x, y, ybase, ydisp, scrollTop, scrollBottom, savedX, savedY, savedCharset },
    savedCurAttrData: buffer.savedCurAttrData.clone(),
    tabs: { ...buffer.tabs },
  }
}

function stateOf(terminal: Terminal) {
  const { coreService, _charsetService, _inputHandler } = coreOf(terminal)
  return {
    // Modes 20 and ?12 are options of xterm.js.
    convertEol: terminal.options.convertEol,
    cursorBlink: terminal.options.cursorBlink,
    modes: { ...coreService.modes },
    privateModes: { ...coreService.decPrivateModes },
    isCursorHidden: coreService.isCursorHidden,
    charset: _charsetService.charset,
    charsets: [..._charsetService._charsets],
    glevel: _charsetService.glevel,
    attributes: _inputHandler._curAttrData.clone(),
    precedingJoinState: _inputHandler._parser.precedingJoinState,
  }
}

function setState(terminal: Terminal, state: State): void {
  const { coreService, _charsetService, _inputHandler } = coreOf(terminal)
  terminal.options.convertEol = state.convertEol ?? false
  terminal.options.cursorBlink = state.cursorBlink ?? false
  coreService.modes = { ...state.modes }
  coreService.decPrivateModes = { ...state.privateModes }
  coreService.isCursorHidden = state.isCursorHidden
  // Else xterm.js shows no cursor before the keyboard is on it, which it never is.
  coreService.isCursorInitialized = true
  _charsetService.charset = state.charset
  _charsetService._charsets = [...state.charsets]
  _charsetService.glevel = state.glevel
  _inputHandler._curAttrData = state.attributes.clone()
  _inputHandler._parser.precedingJoinState = state.precedingJoinState
}
