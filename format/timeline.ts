import { concatBytes, textOf, utf8 } from './bytes.ts'
import { FormatError } from './format-error.ts'
import { textOfBytes } from './output-text.ts'
import { check, type Shape } from './shape.ts'

// The timeline: asciicast v2 (https://docs.asciinema.org/manual/asciicast/v2/), one header line, then one event a line,
// with times in seconds since the start, which we write with 6 decimals.

/** No line of ours is longer; a longer one would have to be held in memory whole. */
export const lineBytesMax = 8 * 1024 * 1024
/** Terminal sizes beyond this are taken for nonsense: an emulator needs gigabytes for 10,000 x 10,000 cells. */
export const cellsMax = 1000

export interface TimelineHeader {
  version: 2
  width: number
  height: number
  timestamp?: number
  command?: string
  title?: string
  env?: Record<string, string>
  [other: string]: unknown
}

/** `code`: o output, i input, r resize "COLUMNSxROWS", m marker, e our event (data = JSON); others are passed on. */
export interface TimelineEvent {
  timeUs: number
  code: string
  data: string
}

const size: Shape = 'count'
const headerShape: Shape = { object: { version: 'count', width: size, height: size } }

export function encodeHeader(header: TimelineHeader): Uint8Array<ArrayBuffer> {
  return utf8(`${JSON.stringify(header)}\n`)
}

export function encodeEvent(timeUs: number, code: string, data: string): Uint8Array<ArrayBuffer> {
  return utf8(`[${seconds(timeUs)}, ${JSON.stringify(code)}, ${JSON.stringify(data)}]\n`)
}

/** The `o` event of recorded bytes. Cut them with `wholeCharacterBytes` first. */
export function encodeOutput(timeUs: number, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return encodeEvent(timeUs, 'o', textOfBytes(bytes))
}

/** µs as seconds with 6 decimals, exact for any safe integer. */
export function seconds(timeUs: number): string {
  const whole = Math.floor(timeUs / 1e6)
  return `${whole}.${String(Math.floor(timeUs - whole * 1e6)).padStart(6, '0')}`
}

export function parseHeader(line: string): TimelineHeader {
  const value = parseJson(line, 'header')
  const problem = check(headerShape, value, 'header')
  if (problem) throw new FormatError('cast-header', problem)
  if ((value as TimelineHeader).version !== 2)
    throw new FormatError(
      'cast-version',
      `Expected asciicast version 2, got ${(value as TimelineHeader).version}.`,
    )
  return value as TimelineHeader
}

/** Throws FormatError `cast-event`. `timeUs` is as written: absolute in v2, since the event before in v3. */
export function parseEvent(line: string): TimelineEvent {
  const value = parseJson(line, 'event')
  if (!Array.isArray(value) || value.length !== 3) throw bad('a list of time, code and data', line)
  const [time, code, data] = value as unknown[]
  if (typeof time !== 'number' || !(time >= 0) || time > 1e9) throw bad('a time in seconds from 0', line)
  if (typeof code !== 'string' || code.length === 0) throw bad('a code in letters', line)
  if (typeof data !== 'string') throw bad('data in text', line)
  if (code === 'r' && !parseSize(data)) throw bad('a size such as 80x24', line)
  return { timeUs: Math.round(time * 1e6), code, data }
}

/** `COLUMNSxROWS` of an `r` event, clamped to 1…1,000 cells; `undefined` when it is none. */
export function parseSize(data: string): { columns: number; rows: number } | undefined {
  const match = /^(\d{1,9})x(\d{1,9})$/.exec(data)
  return match ? { columns: clampCells(Number(match[1])), rows: clampCells(Number(match[2])) } : undefined
}

export function clampCells(cells: number): number {
  return Math.max(1, Math.min(Math.floor(cells) || 1, cellsMax))
}

/** Cuts bytes, in any pieces, into lines without their newline. */
export class LineSplitter {
  #parts: Uint8Array[] = []
  #size = 0
  readonly #maxBytes: number

  constructor(maxBytes = lineBytesMax) {
    this.#maxBytes = maxBytes
  }

  /** Bytes of the line that has not ended yet. */
  get pendingBytes(): number {
    return this.#size
  }

  push(bytes: Uint8Array): string[] {
    const lines: string[] = []
    let start = 0
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
      this.#add(bytes.subarray(start, end))
      lines.push(this.#line())
      start = end + 1
    }
    if (start < bytes.length) this.#add(bytes.slice(start))
    return lines
  }

  /** The last line, if it did not end with a newline. */
  finish(): string | undefined {
    return this.#size === 0 ? undefined : this.#line()
  }

  #add(bytes: Uint8Array): void {
    this.#size += bytes.length
    if (this.#size > this.#maxBytes)
      throw new FormatError('line-size', `A line has more than ${this.#maxBytes} bytes.`, {
        hint: 'Split its output into several events.',
      })
    this.#parts.push(bytes)
  }

  #line(): string {
    const line = textOf(this.#parts.length === 1 ? this.#parts[0]! : concatBytes(this.#parts))
    this.#parts = []
    this.#size = 0
    if (line === undefined) throw new FormatError('cast-text', 'A line is not UTF-8.')
    return line
  }
}

function parseJson(line: string, what: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    throw new FormatError(
      `cast-${what}`,
      `Expected a JSON ${what}, got ${JSON.stringify(line.slice(0, 60))}.`,
    )
  }
}

function bad(what: string, line: string): FormatError {
  return new FormatError('cast-event', `Expected ${what} in the event, got ${line.slice(0, 80)}.`)
}
