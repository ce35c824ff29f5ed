import type { SourcePosition } from '../../format/records.ts'
import { logFolders, OutputLog, TimingLog } from './log-files.ts'
import type { TimingEntry } from './timing-log.ts'

// Reads what the recorder has written since last time, in the order in which it happened. `script` writes output first
// and its timing line after it, so at any moment the lines speak of no more than the output log has. Unless the logs'
// disk was full: then both lose what comes, and go on when there is room. The lines then speak of bytes that are not
// there: a hole. What both have behind it still belongs together, counted from the end (`passHole`).

/** `bytes` are valid until the follower is asked again. */
export type LogItem =
  | { kind: 'output'; timeUs: number; bytes: Uint8Array }
  | { kind: 'resize'; timeUs: number; columns: number; rows: number }
  | { kind: 'signal'; timeUs: number; signal: number }
  | { kind: 'exit'; timeUs: number; code: number }

export interface Hole {
  lostBytes: number
  /** Time of the last line that spoke of them. */
  toUs: number
  /** Sizes that the terminal took meanwhile. */
  resizes: LogItem[]
  /** Output that comes next (`rest`) and is the end of a line's whose beginning is lost. */
  strayBytes: number
  /** Where the logs go on. */
  position: SourcePosition
}

export interface LogFollowerOptions {
  /** Where to go on; without it, at the beginning. */
  from?: SourcePosition
  /** Start of the session, ms since the epoch. */
  startedMs: number
  /** The host went down: the logs may end in zeros. */
  crashed?: boolean
}

/** Clocks that differ by less are not set: the recorder starts a moment after its session. */
const clockUsMin = 1_000_000

export class LogFollower {
  readonly #out: OutputLog
  readonly #timing: TimingLog
  readonly #startedMs: number
  readonly #crashed: boolean
  #entries: TimingEntry[] = []
  /** Output bytes that `#entries` speak of. */
  #entryBytes = 0
  #position: SourcePosition
  #skipBytes: number
  #skipResizes: number
  #headerPassed: boolean
  /** The output log up to here is as the timing log says. */
  #wholeTo = 0

  /** Throws ENOENT when the logs are gone. */
  constructor(dir: string, options: LogFollowerOptions) {
    const { from = { out: 0, timing: 0, time: 0 }, startedMs, crashed = false } = options
    const folders = logFolders(dir)
    this.#out = new OutputLog(folders.out)
    try {
      this.#timing = new TimingLog(folders.timing, from.timing, from.time)
    } catch (error) {
      this.#out.close()
      throw error
    }
    this.#startedMs = startedMs
    this.#crashed = crashed
    if (crashed) this.#out.cutZeros()
    this.#position = { out: from.out, timing: from.timing, time: from.time }
    this.#skipBytes = from.skip ?? 0
    this.#skipResizes = from.resizes ?? 0
    this.#headerPassed = from.out > 0
  }

  /** Everything before it has been given out. */
  get position(): SourcePosition {
    return {
      ...this.#position,
      ...(this.#skipBytes > 0 && { skip: this.#skipBytes }),
      ...(this.#skipResizes > 0 && { resizes: this.#skipResizes }),
    }
  }

  /** Passes over what is recorded already. False when the logs have less than that. */
  skip(outputBytes: number, resizes: number): boolean {
    this.#skipBytes += outputBytes
    this.#skipResizes += resizes
    while (this.#skipBytes > 0 || this.#skipResizes > 0) {
      const entry = this.#passHeader() && this.#next()
      if (!entry) break
      if (entry.kind === 'output' && entry.bytes > this.#skipBytes) return true
      if (entry.kind === 'output') {
        this.#skipBytes -= entry.bytes
        this.#position.out += entry.bytes
      }
      if (entry.kind === 'resize' && this.#skipResizes > 0) this.#skipResizes -= 1
      this.#pass(entry)
    }
    // Output that no line speaks of: see `rest`.
    if (this.#position.out + this.#skipBytes > this.#out.size) return false
    this.#position.out += this.#skipBytes
    this.#skipBytes = 0
    return this.#skipResizes === 0
  }

  /**
   * What came, up to about `bytesMax` of output. `hole` = the bytes that come next by the lines are lost.
   * Throws DamagedLogError.
   */
  next(bytesMax: number): { items: LogItem[]; hole: boolean } {
    const items: LogItem[] = []
    if (!this.#passHeader() || !this.#next()) return { items, hole: false }
    const start = this.#position.out
    const wanted = this.#wantedBytes(bytesMax)
    const output = this.#out.read(start, Math.min(wanted, this.#readableTo() - start))
    let used = 0
    for (let entry = this.#entries[0]; entry; entry = this.#entries[0]) {
      if (used >= bytesMax) break
      if (entry.kind === 'output') {
        const bytes = output.subarray(used + this.#skipBytes, used + entry.bytes)
        if (bytes.length > 0) items.push({ kind: 'output', timeUs: entry.timeUs, bytes })
        if (used + entry.bytes > output.length) {
          this.#skipBytes = Math.max(this.#skipBytes, output.length - used)
          return { items, hole: true }
        }
        this.#skipBytes = 0
        used += entry.bytes
        this.#position.out += entry.bytes
      } else if (entry.kind === 'resize' && this.#skipResizes > 0) this.#skipResizes -= 1
      else if (entry.kind !== 'other' && entry.kind !== 'lost') items.push(entry)
      this.#pass(entry)
    }
    return { items, hole: false }
  }

  /** Output bytes that are missing now, of what the lines speak of. */
  get lostBytes(): number {
    return this.#spokenBytes() - (this.#out.size - this.#position.out)
  }

  /** After `next` has found a hole: passes over the lines of what is lost. */
  passHole(): Hole {
    const lostBytes = this.lostBytes
    const resizes: LogItem[] = []
    let passed = -this.#skipBytes
    this.#position.out += this.#skipBytes
    this.#skipBytes = 0
    while (passed < lostBytes) {
      const entry = this.#next()
      if (!entry) break
      if (entry.kind === 'output') passed += entry.bytes
      if (entry.kind === 'resize' && this.#skipResizes > 0) this.#skipResizes -= 1
      else if (entry.kind === 'resize') resizes.push(entry)
      this.#pass(entry)
    }
    const strayBytes = Math.max(0, passed - lostBytes)
    return { lostBytes, toUs: this.#position.time, resizes, strayBytes, position: this.position }
  }

  /** Output that no line in hand speaks of. Only once nothing else has come for a while: a line follows its output. */
  get strayBytes(): number {
    return this.#headerPassed || this.#passHeader()
      ? this.#out.size - this.#position.out - this.#skipBytes - this.#spokenBytes()
      : 0
  }

  /** Nothing more will be written. */
  cutTrailer(): void {
    this.#out.cutTrailer()
  }

  /** Gives out to the end what no line speaks of, up to `bytesMax`: its lines were lost, or never written. */
  rest(bytesMax: number): Uint8Array {
    const bytes = this.#out.read(this.#position.out + this.#skipBytes, Math.min(bytesMax, this.strayBytes))
    this.#position.out += this.#skipBytes + bytes.length
    this.#skipBytes = 0
    return bytes
  }

  close(): void {
    this.#out.close()
    this.#timing.close()
  }

  #next(): TimingEntry | undefined {
    if (this.#entries.length === 0) {
      this.#entries = this.#timing.next()
      for (const entry of this.#entries) if (entry.kind === 'output') this.#entryBytes += entry.bytes
    }
    return this.#entries[0]
  }

  #pass(entry: TimingEntry): void {
    this.#entries.shift()
    if (entry.kind === 'output') this.#entryBytes -= entry.bytes
    if (entry.kind === 'lost') this.#setClock()
    this.#position.timing += entry.lineBytes
    this.#position.time = Math.max(entry.timeUs, this.#position.time)
  }

  #wantedBytes(bytesMax: number): number {
    let wanted = 0
    for (const entry of this.#entries) {
      if (wanted >= bytesMax) break
      if (entry.kind === 'output') wanted += entry.bytes
    }
    return wanted
  }

  #spokenBytes(): number {
    return this.#entryBytes + this.#timing.ahead().bytes
  }

  // As far as lines and bytes fit together.
  #readableTo(): number {
    const spoken = this.#spokenBytes()
    const size = this.#out.size
    if (this.#position.out + spoken <= size) {
      this.#wholeTo = size
      return size
    }
    // The hole is at the end while the disk is full, else behind what was whole last time.
    if (this.#crashed || this.#out.isFull) this.#wholeTo = size
    return Math.max(this.#wholeTo, this.#position.out + this.#skipBytes)
  }

  // Lost lines have taken their time with them: the last line there is was written when the log changed last.
  #setClock(): void {
    const lastUs = this.#timing.ahead().timeUs
    const shiftUs = Math.floor((this.#timing.changedMs - this.#startedMs) * 1000) - lastUs
    if (shiftUs < clockUsMin || this.#crashed) return
    this.#timing.shift(shiftUs)
    for (const entry of this.#entries) entry.timeUs += shiftUs
    this.#position.time += shiftUs
  }

  #passHeader(): boolean {
    if (this.#headerPassed) return true
    const bytes = this.#out.headerBytes()
    // Lines speak of output, and there is none: the disk was full from the start.
    if (bytes === undefined && !(this.#next() && this.#spokenBytes() > 0)) return false
    this.#position.out = bytes ?? 0
    this.#headerPassed = true
    return true
  }
}
