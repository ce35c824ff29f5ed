import type { Carried } from './terminal-guard.ts'

/**
 * All that an emulator shows and will do next, copied cell by cell. Text that draws the same picture (as xterm.js's own
 * serializer writes) leaves out underline styles, saved cursors, tab stops and more; this leaves out nothing, so a seek
 * shows exactly what playing shows. Plain data: it can be written down (picture-bytes.ts).
 */
export interface Snapshot {
  columns: number
  rows: number
  alternate: boolean
  /** The normal screen, then the alternate one. */
  buffers: [BufferState, BufferState]
  state: EmulatorState
}

/** What an emulator shows and what its guard holds back: given to another, that one goes on the same. */
export interface Picture {
  screen: Snapshot
  carried: Carried
}

export interface BufferState {
  lines: LineState[]
  linesMax: number
  fields: BufferFields
}

/** `cells` has three words a cell; `combined` and `extended` what does not fit into them, by column. */
export interface LineState {
  cells: Uint32Array
  wrapped: boolean
  combined: Record<number, string>
  extended: Record<number, number>
}

/** Foreground, background and extended attributes as xterm.js packs them. */
export type AttributeState = [fg: number, bg: number, extended: number]
/** What a charset draws in place of letters. */
type Charset = Record<string, string> | null

export interface BufferFields {
  x: number
  y: number
  ybase: number
  ydisp: number
  scrollTop: number
  scrollBottom: number
  savedX: number
  savedY: number
  savedCharset: Charset
  savedAttributes: AttributeState
  /** Columns. */
  tabs: number[]
}

export interface EmulatorState {
  convertEol: boolean
  cursorBlink: boolean
  modes: Record<string, unknown>
  privateModes: Record<string, unknown>
  isCursorHidden: boolean
  charset: Charset
  charsets: Charset[]
  glevel: number
  attributes: AttributeState
  precedingJoinState: number
}

/** What xterm.js and its headless build have in common. */
export interface Emulated {
  readonly cols: number
  readonly rows: number
  readonly options: { convertEol?: boolean; cursorBlink?: boolean }
  resize(columns: number, rows: number): void
}

// What an emulator's state is has no public face in xterm.js 6.0 (pinned); test/format/terminal-snapshot.test.ts compares two
// emulators after random output, so that another version cannot change it unseen.
interface Line {
  length: number
  isWrapped: boolean
  _data: Uint32Array
  _combined: Record<number, string>
  _extendedAttrs: Record<number, Extended>
  clone(): Line
}
interface Extended {
  _ext: number
  clone(): Extended
}
interface Attributes {
  fg: number
  bg: number
  extended: Extended
  clone(): Attributes
}
interface Buffer extends Omit<BufferFields, 'savedCharset' | 'savedAttributes' | 'tabs'> {
  lines: { length: number; maxLength: number; get(index: number): Line; push(line: Line): void }
  savedCharset: Charset | undefined
  savedCurAttrData: Attributes
  tabs: Record<number, boolean>
}
interface Core {
  coreService: {
    modes: Record<string, unknown>
    decPrivateModes: Record<string, unknown>
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
  _charsetService: { charset: Charset | undefined; glevel: number; _charsets: (Charset | undefined)[] }
  _inputHandler: { _curAttrData: Attributes; _parser: { precedingJoinState: number } }
}

/** Call it when nothing is being written. */
export function takeSnapshot(terminal: Emulated): Snapshot {
  const core = coreOf(terminal)
  const { active, alt, normal } = core._bufferService.buffers
  return {
    columns: terminal.cols,
    rows: terminal.rows,
    alternate: active === alt,
    buffers: [bufferState(normal), bufferState(alt)],
    state: emulatorState(terminal),
  }
}

/** Makes `terminal` the same as the one the snapshot was taken of; painting is the caller's. Call it when nothing is being written. */
export function restoreSnapshot(terminal: Emulated, snapshot: Snapshot): void {
  const core = coreOf(terminal)
  const { buffers } = core._bufferService
  terminal.resize(snapshot.columns, snapshot.rows)
  if (snapshot.alternate) buffers.activateAltBuffer()
  else buffers.activateNormalBuffer()
  // The normal screen always has lines; theirs is the only way to make more of their class.
  const pattern = buffers.normal.lines.get(0).clone()
  const extended = core._inputHandler._curAttrData.extended
  for (const [index, buffer] of [buffers.normal, buffers.alt].entries()) {
    const { lines, linesMax, fields } = snapshot.buffers[index]!
    buffer.lines.length = 0
    buffer.lines.maxLength = linesMax
    for (const line of lines) buffer.lines.push(lineOf(line, pattern, extended))
    setFields(buffer, fields)
  }
  setState(terminal, snapshot.state)
}

/** What it takes of memory, about. */
export function snapshotBytes({ buffers }: Snapshot): number {
  return buffers.reduce((sum, { lines }) => lines.reduce((all, { cells }) => all + cells.byteLength, sum), 0)
}

function coreOf(terminal: Emulated): Core {
  return (terminal as unknown as { _core: Core })._core
}

function bufferState(buffer: Buffer): BufferState {
  const lines = Array.from({ length: buffer.lines.length }, (_, index) => lineState(buffer.lines.get(index)))
  return { lines, linesMax: buffer.lines.maxLength, fields: fieldsOf(buffer) }
}

function lineState(line: Line): LineState {
  const extended: Record<number, number> = {}
  for (const column in line._extendedAttrs) extended[column] = line._extendedAttrs[column]!._ext
  return {
    cells: line._data.slice(0, line.length * cellWords),
    wrapped: line.isWrapped,
    combined: { ...line._combined },
    extended,
  }
}

function lineOf({ cells, wrapped, combined, extended }: LineState, pattern: Line, model: Extended): Line {
  const line = pattern.clone()
  line.length = cells.length / cellWords
  line.isWrapped = wrapped
  line._data = cells.slice()
  line._combined = { ...combined }
  line._extendedAttrs = {}
  for (const column in extended) line._extendedAttrs[column] = extendedOf(extended[column]!, model)
  return line
}

function extendedOf(value: number, model: Extended): Extended {
  const extended = model.clone()
  extended._ext = value
  return extended
}

function fieldsOf(buffer: Buffer): BufferFields {
  const { x, y, ybase, ydisp, scrollTop, scrollBottom, savedX, savedY, savedCharset } = buffer
  return {
    ...{ x, y, ybase, ydisp, scrollTop, scrollBottom, savedX, savedY },
    savedCharset: savedCharset ?? null,
    savedAttributes: attributeState(buffer.savedCurAttrData),
    tabs: Object.keys(buffer.tabs).flatMap((column) => (buffer.tabs[Number(column)] ? [Number(column)] : [])),
  }
}

function setFields(buffer: Buffer, { savedCharset, savedAttributes, tabs, ...numbers }: BufferFields): void {
  Object.assign(buffer, numbers)
  buffer.savedCharset = savedCharset ?? undefined
  buffer.savedCurAttrData = attributesOf(savedAttributes, buffer.savedCurAttrData)
  buffer.tabs = Object.fromEntries(tabs.map((column) => [column, true]))
}

function attributeState({ fg, bg, extended }: Attributes): AttributeState {
  return [fg, bg, extended._ext]
}

function attributesOf([fg, bg, extended]: AttributeState, model: Attributes): Attributes {
  const attributes = model.clone()
  attributes.fg = fg
  attributes.bg = bg
  attributes.extended = extendedOf(extended, model.extended)
  return attributes
}

function emulatorState(terminal: Emulated): EmulatorState {
  const { coreService, _charsetService, _inputHandler } = coreOf(terminal)
  return {
    // Modes 20 and ?12 are options of xterm.js.
    convertEol: terminal.options.convertEol ?? false,
    cursorBlink: terminal.options.cursorBlink ?? false,
    modes: { ...coreService.modes },
    privateModes: { ...coreService.decPrivateModes },
    isCursorHidden: coreService.isCursorHidden,
    charset: _charsetService.charset ?? null,
    charsets: [..._charsetService._charsets].map((charset) => charset ?? null),
    glevel: _charsetService.glevel,
    attributes: attributeState(_inputHandler._curAttrData),
    precedingJoinState: _inputHandler._parser.precedingJoinState,
  }
}

function setState(terminal: Emulated, state: EmulatorState): void {
  const { coreService, _charsetService, _inputHandler } = coreOf(terminal)
  terminal.options.convertEol = state.convertEol
  terminal.options.cursorBlink = state.cursorBlink
  coreService.modes = { ...state.modes }
  coreService.decPrivateModes = { ...state.privateModes }
  coreService.isCursorHidden = state.isCursorHidden
  // Else xterm.js shows no cursor before the keyboard is on it, which it never is.
  coreService.isCursorInitialized = true
  _charsetService.charset = state.charset ?? undefined
  _charsetService._charsets = state.charsets.map((charset) => charset ?? undefined)
  _charsetService.glevel = state.glevel
  _inputHandler._curAttrData = attributesOf(state.attributes, _inputHandler._curAttrData)
  _inputHandler._parser.precedingJoinState = state.precedingJoinState
}

const cellWords = 3
