import { concatBytes, textOf } from './bytes.ts'
import { FormatError } from './format-error.ts'
import { check, type Shape } from './shape.ts'
import {
  LineSplitter,
  parseEvent,
  parseHeader,
  parseSize,
  type TimelineEvent,
  type TimelineHeader,
} from './timeline.ts'

// Reads asciicast files of others, versions 1, 2 and 3 (https://docs.asciinema.org/manual/asciicast/), into our timeline.
// Version 2 has absolute times, 1 and 3 have times since the event before. Version 3 has comments and the event x (exit).

/** Version 1 is one JSON document, so it is held whole. */
const version1BytesMax = 64 * 1024 * 1024

const text: Shape = { text: 65_536 }
const v1Shape: Shape = {
  object: {
    version: 'count',
    width: 'count',
    height: 'count',
    stdout: { list: { tuple: ['number', { text: 2 ** 26 }] }, max: 2 ** 24 },
  },
  optional: { command: { nullable: text }, title: { nullable: text } },
}
const v3Shape: Shape = {
  object: {
    version: 'count',
    term: { object: { cols: 'count', rows: 'count' }, optional: { type: { nullable: text } } },
  },
}

export class AsciicastReader {
  readonly #lines = new LineSplitter()
  #version: 1 | 2 | 3 | undefined
  #header: TimelineHeader | undefined
  #whole: Uint8Array[] = []
  #wholeBytes = 0
  #timeUs = 0
  #lineNumber = 0

  /** Known once the first line has passed; for version 1 after `finish`. */
  get header(): TimelineHeader | undefined {
    return this.#header
  }

  get version(): 1 | 2 | 3 | undefined {
    return this.#version
  }

  /** Throws FormatError, whose text names the line. */
  push(bytes: Uint8Array): TimelineEvent[] {
    if (this.#version === 1) return this.#keep(bytes)
    if (this.#version !== undefined) return this.#lines.push(bytes).flatMap((line) => this.#line(line))
    return this.#start(bytes)
  }

  /** What is left at the end of the file. */
  finish(): TimelineEvent[] {
    if (this.#version === 2 || this.#version === 3) return this.#line(this.#lines.finish() ?? '')
    return this.#finishVersion1()
  }

  // Version 2 and 3 say so in a first line that is a whole JSON object; anything else can only be version 1.
  #start(bytes: Uint8Array): TimelineEvent[] {
    this.#keep(bytes.slice())
    const all = concatBytes(this.#whole)
    this.#whole = [all]
    const newline = all.indexOf(10)
    if (newline < 0) return []
    const version = versionOf(textOf(all.subarray(0, newline)))
    this.#version = version ?? 1
    if (version === undefined) return []
    this.#whole = []
    return this.push(all)
  }

  #keep(bytes: Uint8Array): TimelineEvent[] {
    this.#wholeBytes += bytes.length
    if (this.#wholeBytes > version1BytesMax)
      throw new FormatError('cast-size', `An asciicast of version 1 may have ${version1BytesMax} bytes.`)
    this.#whole.push(bytes)
    return []
  }

  #line(line: string): TimelineEvent[] {
    this.#lineNumber += 1
    if (line.trim() === '' || (this.#version === 3 && line.startsWith('#'))) return []
    try {
      if (!this.#header) {
        this.#header = this.#version === 3 ? headerOfVersion3(line) : parseHeader(line)
        return []
      }
      const event = parseEvent(line)
      this.#timeUs = this.#version === 3 ? this.#timeUs + event.timeUs : Math.max(this.#timeUs, event.timeUs)
      return [{ ...event, timeUs: this.#timeUs }]
    } catch (error) {
      throw error instanceof FormatError
        ? new FormatError(error.code, `Line ${this.#lineNumber}: ${error.message}`)
        : error
    }
  }

  #finishVersion1(): TimelineEvent[] {
    const document = textOf(concatBytes(this.#whole))
    const single = versionOf(document)
    if (single !== undefined) {
      this.#version = single
      return this.#line(document!)
    }
    this.#version = 1
    let value: unknown
    try {
      value = JSON.parse(document ?? '')
    } catch {
      throw new FormatError(
        'cast-header',
        'Expected an asciicast file (version 1, 2 or 3); this is neither JSON lines nor JSON.',
      )
    }
    const problem = check(v1Shape, value, 'asciicast')
    if (problem) throw new FormatError('cast-header', problem)
    const { version, width, height, stdout, command, title } = value as Version1
    if (version !== 1)
      throw new FormatError('cast-version', `Expected asciicast version 1, 2 or 3, got ${version}.`)
    this.#header = { version: 2, width, height, ...(command && { command }), ...(title && { title }) }
    return stdout.map(([delay, data], i) => {
      if (delay < 0)
        throw new FormatError('cast-event', `Event ${i + 1}: expected a time from 0, got ${delay}.`)
      this.#timeUs += Math.round(delay * 1e6)
      return { timeUs: this.#timeUs, code: 'o', data }
    })
  }
}

interface Version1 {
  version: number
  width: number
  height: number
  stdout: [number, string][]
  command?: string | null
  title?: string | null
}

function versionOf(line: string | undefined): 2 | 3 | undefined {
  try {
    const version = (JSON.parse(line ?? '') as { version?: unknown }).version
    return version === 2 || version === 3 ? version : undefined
  } catch {
    return undefined
  }
}

function headerOfVersion3(line: string): TimelineHeader {
  const value: unknown = JSON.parse(line)
  const problem = check(v3Shape, value, 'header')
  if (problem) throw new FormatError('cast-header', problem)
  const {
    term,
    version: _,
    env,
    ...rest
  } = value as {
    term: { cols: number; rows: number; type?: string }
    version: 3
    env?: Record<string, string>
  }
  const size = parseSize(`${term.cols}x${term.rows}`)
  if (!size) throw new FormatError('cast-header', `Expected a terminal size, got ${term.cols}x${term.rows}.`)
  return {
    version: 2,
    width: term.cols,
    height: term.rows,
    ...rest,
    env: { ...(term.type && { TERM: term.type }), ...env },
  }
}
