import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import type { SourcePosition } from '../../format/records.ts'
import { type TimingEntry, TimingParser } from './timing-log.ts'

// Reads what the recorder has written since last time, in the order in which it happened. `script` writes the output
// first and its timing line after it, so every timing line finds its bytes, unless the logs' disk was full.

export type LogItem =
  | { kind: 'output'; timeUs: number; bytes: Uint8Array }
  | { kind: 'resize'; timeUs: number; columns: number; rows: number }
  | { kind: 'exit'; timeUs: number; code: number }

/** A timing line is at least this long for each byte of output; more would not be used in one turn. */
const timingReadBytes = 64 * 1024

export class LogFollower {
  readonly #out: FileHandle
  readonly #timing: FileHandle
  #parser: TimingParser
  #entries: TimingEntry[] = []
  #read: number
  #position: SourcePosition
  #skipBytes: number
  #skipResizes = 0

  constructor(out: FileHandle, timing: FileHandle, from: SourcePosition) {
    this.#out = out
    this.#timing = timing
    this.#position = { out: from.out, timing: from.timing, time: from.time }
    this.#skipBytes = from.skip ?? 0
    this.#read = from.timing
    this.#parser = new TimingParser(from.time)
  }

  /** Throws ENOENT when the logs are gone. `from` = where to go on; without it, at the beginning. */
  static async open(dir: string, from?: SourcePosition): Promise<LogFollower> {
    const out = await open(join(dir, 'out'), 'r')
    try {
      const timing = await open(join(dir, 'timing'), 'r')
      return new LogFollower(out, timing, from ?? { out: 0, timing: 0, time: 0 })
    } catch (error) {
      await out.close()
      throw error
    }
  }

  /** Everything before it has been given out. */
  get position(): SourcePosition {
    return { ...this.#position, ...(this.#skipBytes > 0 && { skip: this.#skipBytes }) }
  }

  /** Passes over what is recorded already. Resolves false when the logs have less than that. */
  async skip(outputBytes: number, resizes: number): Promise<boolean> {
    this.#skipBytes += outputBytes
    this.#skipResizes = resizes
    while (this.#skipBytes > 0 || this.#skipResizes > 0) {
      if (this.#position.out === 0 && !(await this.#passFirstLine())) return false
      await this.#readTiming()
      const entry = this.#entries[0]
      if (!entry) return false
      if (entry.kind === 'output' && entry.bytes > this.#skipBytes) return true
      if (entry.kind === 'output') {
        this.#skipBytes -= entry.bytes
        this.#position.out += entry.bytes
      }
      if (entry.kind === 'resize' && this.#skipResizes > 0) this.#skipResizes -= 1
      this.#pass(entry)
      this.#entries.shift()
    }
    return true
  }

  /**
   * What came, up to about `bytesMax` of output. `short` = the output log ends before what the timing log says it has.
   * Throws when the timing log is damaged.
   */
  async next(bytesMax: number): Promise<{ items: LogItem[]; short: boolean }> {
    if (this.#position.out === 0 && !(await this.#passFirstLine())) return { items: [], short: false }
    await this.#readTiming()
    let wanted = 0
    let count = 0
    for (const entry of this.#entries) {
      if (wanted >= bytesMax) break
      if (entry.kind === 'output') wanted += entry.bytes
      count += 1
    }
    const output = await this.#readOutput(wanted)
    const items: LogItem[] = []
    let used = 0
    let done = 0
    let short = false
    for (const entry of this.#entries.slice(0, count)) {
      if (entry.kind === 'output') {
        short = used + entry.bytes > output.length
        if (short) break
        const bytes = output.subarray(used + this.#skipBytes, used + entry.bytes)
        items.push({ kind: 'output', timeUs: entry.timeUs, bytes })
        this.#skipBytes = 0
        used += entry.bytes
        this.#position.out += entry.bytes
      } else if (entry.kind !== 'other') items.push(entry)
      this.#pass(entry)
      done += 1
    }
    this.#entries.splice(0, done)
    return { items, short }
  }

  /** Output that no timing line speaks of: the last the recorder wrote before it was killed. */
  async rest(): Promise<Uint8Array> {
    if (this.#position.out === 0) return new Uint8Array(0)
    const { size } = await this.#out.stat()
    const bytes = await this.#readOutput(Math.max(0, size - this.#position.out))
    this.#position.out += bytes.length
    return bytes
  }

  /**
   * After the logs' disk was full and is quiet again: goes on where both logs fit together, so that the bytes to the end
   * are the last timing lines with exactly that sum. Returns how many bytes the lines in between spoke of.
   */
  async realign(): Promise<{ lostBytes: number; timeUs: number }> {
    await this.#readTiming()
    const { size } = await this.#out.stat()
    const left = size - this.#position.out
    let sum = 0
    let keep = this.#entries.length
    for (let i = this.#entries.length - 1; i >= 0 && sum < left; i--) {
      const entry = this.#entries[i]!
      if (entry.kind === 'output') sum += entry.bytes
      keep = i
    }
    if (sum !== left) keep = this.#entries.length
    let lostBytes = 0
    for (const entry of this.#entries.splice(0, keep)) {
      if (entry.kind === 'output') lostBytes += entry.bytes
      this.#pass(entry)
    }
    if (sum !== left) this.#position.out = size
    return { lostBytes, timeUs: this.#position.time }
  }

  async close(): Promise<void> {
    await this.#out.close()
    await this.#timing.close()
  }

  #pass(entry: TimingEntry): void {
    this.#position.timing += entry.lineBytes
    this.#position.time = entry.timeUs
  }

  // "Script started on …", which no timing line counts.
  async #passFirstLine(): Promise<boolean> {
    const { buffer, bytesRead } = await this.#out.read(Buffer.alloc(timingReadBytes), 0, timingReadBytes, 0)
    const end = buffer.subarray(0, bytesRead).indexOf(10)
    if (end < 0) return false
    this.#position.out = end + 1
    return true
  }

  async #readTiming(): Promise<void> {
    if (this.#entries.length > 0) return
    const { buffer, bytesRead } = await this.#timing.read(
      Buffer.allocUnsafe(timingReadBytes),
      0,
      timingReadBytes,
      this.#read,
    )
    this.#read += bytesRead
    this.#entries = this.#parser.push(buffer.toString('latin1', 0, bytesRead))
  }

  async #readOutput(length: number): Promise<Uint8Array> {
    const bytes = Buffer.allocUnsafeSlow(length)
    let size = 0
    while (size < length) {
      const { bytesRead } = await this.#out.read(bytes, size, length - size, this.#position.out + size)
      if (bytesRead === 0) break
      size += bytesRead
    }
    return bytes.subarray(0, size)
  }
}
