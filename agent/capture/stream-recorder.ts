import { openZstdBody, type ZstdBody } from '../../codec/zstd.ts'
import type { Crypto, Signer } from '../../format/ports.ts'
import type { EndReason, GapReason, SourcePosition } from '../../format/records.ts'
import { StreamWriter } from '../../format/stream-writer.ts'
import type { SpooledRecording } from '../queue/spooled-recording.ts'

// Timeline lines to frames in the queue.
//
//   between ── write ──▶ open (HEAD, BODY) ── seal ──▶ between ── gap ──▶ between ── end ──▶ ended
//
// What `flush` returns from is durable. A boundary is durable before session.json speaks of it.

/** A frame ends at this much content: the unit of seeking, receipts and loss. */
export const frameRawBytesMax = 1024 * 1024
/** Or after this: a session that types slowly is sealed now and then. */
export const frameMsMax = 30 * 60 * 1000

/** A piece of the recorder's logs. */
export interface Span {
  before: SourcePosition
  after: SourcePosition
}

export interface StreamRecorderOptions {
  spooled: SpooledRecording
  signer: Signer
  crypto: Crypto
  certificate: string
}

export class StreamRecorder {
  readonly #spooled: SpooledRecording
  readonly #writer: StreamWriter
  #body: ZstdBody | undefined
  #raw = 0
  #dirty = false
  #openedMs = 0
  #after: SourcePosition | undefined
  #endUs: number

  constructor(options: StreamRecorderOptions) {
    const { spooled, signer, crypto, certificate } = options
    const { recording, session, state } = spooled.record
    this.#spooled = spooled
    this.#endUs = state.written.at(-1)?.endUs ?? 0
    this.#writer = new StreamWriter({
      recording,
      stream: 'cast',
      signer,
      sha256: crypto.sha256,
      certificate,
      facts: session.facts,
      state,
    })
  }

  get writer(): StreamWriter {
    return this.#writer
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

  /** The frame that is open is due to end. */
  frameIsFull(nowMs: number): boolean {
    return this.#body !== undefined && (this.#raw >= frameRawBytesMax || nowMs - this.#openedMs >= frameMsMax)
  }

  /** The lines are what the logs had between two positions; `startUs`, `endUs`: times of the first and the last. */
  async write(
    lines: readonly Uint8Array[],
    logs: Span,
    startUs: number,
    endUs: number,
    nowMs: number,
  ): Promise<void> {
    if (!this.#body) {
      await this.#spooled.begin()
      const wallMs = this.#spooled.record.session.facts.startedMs + startUs / 1000
      await this.#spooled.append([this.#writer.head({ startUs, wallMs, source: logs.before })])
      this.#body = openZstdBody()
      this.#raw = 0
      this.#openedMs = nowMs
    }
    const raw = Buffer.concat(lines)
    await this.#body.write(raw)
    this.#raw += raw.length
    this.#endUs = Math.max(this.#endUs, endUs)
    this.#after = logs.after
    this.#dirty = true
  }

  /** Makes everything written so far durable and sendable. */
  async flush(): Promise<void> {
    if (!this.#dirty || !this.#body) return
    this.#dirty = false
    await this.#appendBody(await this.#body.flush())
    await this.#spooled.sync()
  }

  /** Ends the frame that is open, if one is. Nothing that was read of the logs may be missing in it. */
  async seal(): Promise<void> {
    const body = this.#body
    if (!body) return
    this.#body = undefined
    this.#dirty = false
    await this.#appendBody(await body.end())
    await this.#spooled.append([this.#writer.seal({ endUs: this.#endUs, rawBytes: this.#raw })])
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
    const state = this.#writer.state
    await this.#spooled.append(this.#writer.end({ endUs: this.#endUs, reason, ...status }))
    await this.#spooled.sync()
    await this.#spooled.update({ state, endSize: this.#writer.offset })
  }

  /** Frees the compressor; what was not flushed is read again from the recorder's logs. */
  close(): void {
    this.#body?.close()
    this.#body = undefined
  }

  async #appendBody(compressed: Uint8Array): Promise<void> {
    if (compressed.length === 0) return
    this.#writer.body(compressed)
    await this.#spooled.append([compressed])
  }

  async #boundary(): Promise<void> {
    await this.#spooled.sync()
    const resume = this.#after && { source: this.#after, outputBytes: 0, resizes: 0 }
    await this.#spooled.update({ state: this.#writer.state, ...(resume && { resume }) })
  }
}
