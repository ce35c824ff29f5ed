import { readU32le, textOf, utf8, writeU32le } from './bytes.ts'
import { FormatError } from './format-error.ts'
import { check, type Shape } from './shape.ts'
import type { BufferState, LineState, Picture } from './terminal-snapshot.ts'
import { cellsMax } from './timeline.ts'

// A picture written down: u32le length of a JSON text, that text, then every line's cells, three words u32le each.

/** Two screens of the most cells that are drawn, with marks on many; what is larger is not written down. */
export const pictureBytesMax = 16 * 1024 * 1024
const cellBytes = 12
/** A line keeps cells that a narrower screen cut off. */
const linesMax = 2 * cellsMax

type Written = Omit<Picture['screen'], 'buffers'> & {
  carried: Picture['carried']
  buffers: (Omit<BufferState, 'lines'> & { lines: WrittenLine[] })[]
}
type WrittenLine = { cells: number } & Partial<Omit<LineState, 'cells'>>

export function encodePicture({ screen, carried }: Picture): Uint8Array<ArrayBuffer> {
  const lines = screen.buffers.flatMap((buffer) => buffer.lines)
  const written: Written = {
    ...screen,
    carried,
    buffers: screen.buffers.map((buffer) => ({ ...buffer, lines: buffer.lines.map(writtenLine) })),
  }
  const text = utf8(JSON.stringify(written))
  const words = lines.reduce((sum, { cells }) => sum + cells.length, 0)
  const bytes = new Uint8Array(4 + text.length + words * 4)
  writeU32le(bytes, 0, text.length)
  bytes.set(text, 4)
  const view = new DataView(bytes.buffer)
  let at = 4 + text.length
  for (const { cells } of lines)
    for (const word of cells) {
      view.setUint32(at, word, true)
      at += 4
    }
  return bytes
}

/** Throws FormatError `picture`. */
export function decodePicture(bytes: Uint8Array): Picture {
  const textBytes = bytes.length >= 4 ? readU32le(bytes, 0) : bytes.length
  const text = textBytes <= bytes.length - 4 ? textOf(bytes.subarray(4, 4 + textBytes)) : undefined
  const { carried, buffers, ...screen } = parse(text)
  const cells = buffers.reduce((sum, { lines }) => lines.reduce((all, line) => all + line.cells, sum), 0)
  if (4 + textBytes + cells * cellBytes !== bytes.length) throw bad('its cells do not add up')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let at = 4 + textBytes
  const read = buffers.map(({ lines, ...buffer }) => ({
    ...buffer,
    lines: lines.map(({ cells: count, wrapped = false, combined = {}, extended = {} }): LineState => {
      const words = new Uint32Array(count * 3)
      for (let i = 0; i < words.length; i++, at += 4) words[i] = view.getUint32(at, true)
      return { cells: words, wrapped, combined, extended }
    }),
  }))
  return { screen: { ...screen, buffers: [read[0]!, read[1]!] }, carried }
}

function writtenLine({ cells, wrapped, combined, extended }: LineState): WrittenLine {
  return {
    cells: cells.length / 3,
    ...(wrapped && { wrapped }),
    ...(Object.keys(combined).length > 0 && { combined }),
    ...(Object.keys(extended).length > 0 && { extended }),
  }
}

const attributes: Shape = { tuple: ['number', 'number', 'number'] }
const size: Shape = 'count'
const line: Shape = {
  object: { cells: size },
  optional: { wrapped: 'flag', combined: { object: {} }, extended: { object: {} } },
}
const shape: Shape = {
  object: {
    columns: size,
    rows: size,
    alternate: 'flag',
    carried: {
      object: {
        state: { oneOf: ['ground', 'skipping', 'osc', 'string'] },
        held: { text: 1024 },
        zeroWidthRun: size,
      },
    },
    state: {
      object: {
        convertEol: 'flag',
        cursorBlink: 'flag',
        modes: { object: {} },
        privateModes: { object: {} },
        isCursorHidden: 'flag',
        charset: { nullable: { object: {} } },
        charsets: { list: { nullable: { object: {} } }, max: 4 },
        glevel: size,
        attributes,
        precedingJoinState: 'number',
      },
    },
    buffers: {
      tuple: [0, 1].map(() => ({
        object: {
          linesMax: size,
          lines: { list: line, max: linesMax },
          fields: {
            object: {
              ...{ x: 'number', y: 'number', ybase: size, ydisp: size, scrollTop: size, scrollBottom: size },
              ...{ savedX: 'number', savedY: 'number', savedCharset: { nullable: { object: {} } } },
              savedAttributes: attributes,
              tabs: { list: size, max: linesMax },
            },
          },
        },
      })),
    },
  },
}

function parse(text: string | undefined): Written {
  let value: unknown
  try {
    value = JSON.parse(text ?? '')
  } catch {
    throw bad('it is no JSON')
  }
  const problem = check(shape, value, 'picture')
  if (problem) throw bad(problem)
  const written = value as Written
  if (written.columns < 1 || written.rows < 1 || Math.max(written.columns, written.rows) > cellsMax)
    throw bad(`it is ${written.columns}x${written.rows}`)
  return written
}

function bad(what: string): FormatError {
  return new FormatError('picture', `A kept picture cannot be used: ${what}.`)
}
