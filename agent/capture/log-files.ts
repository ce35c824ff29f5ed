import { closeSync, constants, existsSync, fstatSync, openSync, readSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { type TimingEntry, TimingParser } from './timing-log.ts'

// The recorder's two files. They lie in memory, or were just written: reading one at once costs 3 µs, through Node's
// thread pool 60, and there are hundreds of reads a second.

/** A timing line is at least this long for each byte of output; more would not be used in one turn. */
const timingReadBytes = 64 * 1024
/** "Script done on …": its words are translated, but not what follows the date. */
const trailerPattern = /\n[^\n]* \[(COMMAND_EXIT_CODE="\d+"|<[^\n]*>)\]\n$/
const trailerBytesMax = 512
const shared = Buffer.allocUnsafeSlow(timingReadBytes)

/** Where a session's logs lie: a recorder that runs as root gives each its own memory. */
export function logFolders(dir: string): { out: string; timing: string } {
  const own = join(dir, 'log')
  return existsSync(own) ? { out: own, timing: join(dir, 'time') } : { out: dir, timing: dir }
}

/** Opens what the recorder made; no link, pipe or device in its place. Throws ENOENT when it is gone. */
export function openLog(path: string): number {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  if (fstatSync(fd).isFile()) return fd
  closeSync(fd)
  throw Object.assign(new Error(`${path} is no file.`), { code: 'ENOENT' })
}

/** What the terminal showed, behind one line of `script`'s own. */
export class OutputLog {
  readonly #dir: string
  readonly #fd: number
  /** Where the log is taken to end, when its end is not to be trusted. */
  #end = Number.POSITIVE_INFINITY
  #buffer = Buffer.alloc(0)

  constructor(dir: string) {
    this.#dir = dir
    this.#fd = openLog(join(dir, 'out'))
  }

  get size(): number {
    return Math.min(fstatSync(this.#fd).size, this.#end)
  }

  /** The recorder cannot write: what is here is all that it wrote before. */
  get isFull(): boolean {
    return statfsSync(this.#dir).bavail === 0
  }

  /** A disk that lost power leaves zeros at the end of a file. */
  cutZeros(): void {
    let end = this.size
    while (end > 0) {
      const from = Math.max(0, end - timingReadBytes)
      const bytes = this.read(from, end - from)
      const last = bytes.findLastIndex((byte) => byte !== 0)
      end = last < 0 ? from : from + last + 1
      if (last >= 0) break
    }
    this.#end = end
  }

  /** `script` ends the log with a line of its own, which no terminal saw. */
  cutTrailer(): void {
    const from = Math.max(0, this.size - trailerBytesMax)
    const end = Buffer.from(this.read(from, trailerBytesMax)).toString('latin1')
    const at = end.search(trailerPattern)
    if (at >= 0) this.#end = from + at
  }

  /** Shorter where the log ends; valid until the next call: a flood of output would else be a flood of garbage. */
  read(offset: number, length: number): Uint8Array {
    const wanted = Math.max(0, Math.min(length, this.#end - offset))
    if (wanted > this.#buffer.length) this.#buffer = Buffer.allocUnsafeSlow(wanted)
    const bytes = this.#buffer.subarray(0, wanted)
    let size = 0
    while (size < bytes.length) {
      const got = readSync(this.#fd, bytes, size, bytes.length - size, offset + size)
      if (got === 0) break
      size += got
    }
    return bytes.subarray(0, size)
  }

  /** Bytes of "Script started on …", which no timing line counts; `undefined` while it is not whole. */
  headerBytes(): number | undefined {
    const bytes = this.read(0, timingReadBytes)
    const end = bytes.indexOf(10) + 1
    if (end === 0) return bytes.length < timingReadBytes ? undefined : 0
    // Absent when the disk was full from the start. Its words are translated, but not this one.
    return Buffer.from(bytes.buffer, bytes.byteOffset, end).includes('[COMMAND="') ? end : 0
  }

  close(): void {
    closeSync(this.#fd)
  }
}

/** What happened when. */
export class TimingLog {
  readonly #fd: number
  #at: number
  #parser: TimingParser
  /** Where another reader of the same log looks ahead. */
  #scout: { at: number; parser: TimingParser; bytes: number } | undefined
  #atEnd = false

  constructor(dir: string, offset: number, timeUs: number) {
    this.#fd = openLog(join(dir, 'timing'))
    this.#at = offset
    this.#parser = new TimingParser(timeUs)
  }

  /** The next lines, some hundreds or thousands. Throws DamagedLogError. */
  next(): TimingEntry[] {
    const { text, size } = this.#read(this.#at)
    this.#at += size
    this.#atEnd = size < timingReadBytes
    const entries = this.#parser.push(text)
    const scout = this.#scout
    if (scout && (scout.at <= this.#at || this.#atEnd)) this.#scout = undefined
    else if (scout) scout.bytes -= outputBytes(entries)
    return entries
  }

  /** Output bytes that the lines behind those of `next` speak of, and the time of the last of them. */
  ahead(): { bytes: number; timeUs: number } {
    if (this.#atEnd) return { bytes: 0, timeUs: this.#parser.timeUs }
    this.#scout ??= { at: this.#at, parser: this.#parser.copy(), bytes: 0 }
    const scout = this.#scout
    for (let got = timingReadBytes; got === timingReadBytes; ) {
      const { text, size } = this.#read(scout.at)
      got = size
      scout.at += size
      scout.bytes += outputBytes(scout.parser.push(text))
    }
    return { bytes: scout.bytes, timeUs: scout.parser.timeUs }
  }

  /** When the last line was written, ms since the epoch. */
  get changedMs(): number {
    return fstatSync(this.#fd).mtimeMs
  }

  /** Lines are missing: those that follow are this much later. */
  shift(us: number): void {
    this.#parser.timeUs += us
    if (this.#scout) this.#scout.parser.timeUs += us
  }

  close(): void {
    closeSync(this.#fd)
  }

  #read(offset: number): { text: string; size: number } {
    const size = readSync(this.#fd, shared, 0, timingReadBytes, offset)
    return { text: shared.toString('latin1', 0, size), size }
  }
}

function outputBytes(entries: readonly TimingEntry[]): number {
  return entries.reduce((sum, entry) => sum + (entry.kind === 'output' ? entry.bytes : 0), 0)
}
