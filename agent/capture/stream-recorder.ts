import { openZstdBody, type ZstdBody } from '../../codec/zstd.ts'
import { concatBytes } from '../../format/bytes.ts'
import type { EndReason, GapReason, SourcePosition } from '../../format/records.ts'
import type { StreamWriter } from '../../format/stream-writer.ts'
import type { SpooledStream } from '../queue/spooled-stream.ts'
import { type Clock, systemClock } from './clock.ts'

// Timeline lines to frames in the queue.
//
//   between ── write ──▶ open (HEAD, BODY) ── seal ──▶ between ── gap ──▶ between ── end ──▶ ended
//
// Lines wait in memory until `flush` or `seal`; the recorder's logs still have what they tell. What these return from is
// durable.

/** A frame ends at this much content: the unit of seeking, receipts and loss. */
export const frameRawBytesMax = 1024 * 1024
/** Or after this: a session that types slowly is sealed now and then. */
export const frameMsMax = 30 * 60 * 1000
/** So much is handed to the compressor at once: a call of it costs more than a line. */
const compressBytes = 64 * 1024

/** A piece of the recorder's logs. */
export interface Span {
  before: SourcePosition
  after: SourcePosition
}

export class StreamRecorder {
  readonly #spooled: SpooledStream
  readonly #writer: StreamWriter
  readonly #clock: Clock
  #body: ZstdBody | undefined
  #head: Uint8Array[] = []
  #lines: Uint8Array[] = []
  #lineBytes = 0
  #raw = 0
  #dirty = false
  #openedMs = 0
  #before: SourcePosition | undefined
  #after: SourcePosition | undefined
  #endUs: number

  /** `writer` is as of `spooled.state`. */
  constructor(spooled: SpooledStream, writer: StreamWriter, clock: Clock = systemClock) {
    this.#spooled = spooled
    this.#writer = writer
    this.#clock = clock
    this.#endUs = writer.last?.endUs ?? 0
  }

  /** Nothing was written yet. */
  get isEmpty(): boolean {
    return this.#writer.offset === 0
  }

  /** Content in the frame that is open. */
  get rawBytes(): number {
    return this.#raw
  }

  get isDirty(): boolean {
    return this.#dirty
  }

  /** Time of the last event, µs since the start. */
  get endUs(): number {
    return this.#endUs
  }

  /** The frame that is open is due to end. `nowMs` by the recorder's clock. */
  frameIsFull(nowMs: number): boolean {
    return this.#body !== undefined && (this.#raw >= frameRawBytesMax || nowMs - this.#openedMs >= frameMsMax)
  }

  /** The lines are what the logs had between two positions; `startUs`, `endUs`: times of the first and the last. */
  async write(lines: readonly Uint8Array[], logs: Span, startUs: number, endUs: number): Promise<void> {
    // A character that is not whole yet belongs to the frame that will have it.
    if (!this.#body) this.#before ??= logs.before
    if (lines.length === 0) return
    if (!this.#body) {
      await this.#spooled.begin()
      const wallMs = this.#spooled.record.session.facts.startedMs + startUs / 1000
      this.#head = [this.#writer.head({ startUs, wallMs, source: this.#before! })]
      this.#before = undefined
      this.#body = openZstdBody()
      this.#raw = 0
      this.#openedMs = this.#clock.nowMs()
    }
    for (const line of lines) {
      this.#lines.push(line)
      this.#lineBytes += line.length
      this.#raw += line.length
    }
    if (this.#lineBytes >= compressBytes) await this.#compress(this.#body)
    this.#endUs = Math.max(this.#endUs, endUs)
    this.#after = logs.after
    this.#dirty = true
  }

  /** Makes everything written so far durable and sendable. */
  async flush(): Promise<void> {
    const body = this.#body
    if (!this.#dirty || !body) return
    await this.#compress(body)
    await this.#append(await body.flush())
    await this.#spooled.sync()
    this.#dirty = false
  }

  /** Ends the frame that is open, if one is. Nothing that was read of the logs may be missing in it. */
  async seal(): Promise<void> {
    const body = this.#body
    if (!body) return
    await this.#compress(body)
    await this.#append(await body.end())
    this.#body = undefined
    this.#dirty = false
    await this.#spooled.append([this.#writer.seal({ endUs: this.#endUs, rawBytes: this.#raw })])
    this.#raw = 0
    await this.#boundary()
  }

  /** `after` = where the logs go on behind what is lost. */
  async gap(
    fromUs: number,
    toUs: number,
    reason: GapReason,
    lostBytes?: number,
    after?: SourcePosition,
  ): Promise<void> {
    await this.seal()
    this.#before = undefined
    this.#after = after ?? this.#after
    this.#endUs = Math.max(this.#endUs, toUs)
    await this.#spooled.begin()
    await this.#spooled.append([
      this.#writer.gap({ fromUs, toUs, reason, ...(lostBytes !== undefined && { lostBytes }) }),
    ])
    await this.#boundary()
  }

  async end(reason: EndReason, status: { exit?: number; signal?: number } = {}): Promise<void> {
    await this.seal()
    await this.#spooled.begin()
    await this.#spooled.append(this.#writer.end({ endUs: this.#endUs, reason, ...status }))
    await this.#spooled.sync()
  }

  /** Frees the compressor; what was not flushed is read again from the recorder's logs. */
  close(): void {
    this.#body?.close()
    this.#body = undefined
  }

  async #compress(body: ZstdBody): Promise<void> {
    if (this.#lines.length === 0) return
    const raw = this.#lines.length === 1 ? this.#lines[0]! : concatBytes(this.#lines)
    this.#lines = []
    this.#lineBytes = 0
    await body.write(raw)
  }

  async #append(compressed: Uint8Array): Promise<void> {
    const pieces = [...this.#head, compressed]
    this.#head = []
    if (compressed.length > 0) this.#writer.body(compressed)
    await this.#spooled.append(pieces)
  }

  async #boundary(): Promise<void> {
    const resume = this.#after && { source: this.#after, outputBytes: 0, resizes: 0 }
    await this.#spooled.boundary(this.#writer.last!, resume)
  }
}
