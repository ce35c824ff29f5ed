import { openZstdBody, screenZstd, type ZstdBody } from '../../../codec/zstd.ts'
import { encodeBlock, fbsHeader } from '../../../format/fbs.ts'
import type { Crypto, Signer } from '../../../format/ports.ts'
import type { EndReason, Facts, GapReason } from '../../../format/records.ts'
import { pixelBytes } from '../../../format/rfb-reader.ts'
import { encodeHandshake, encodeServerInit, type ServerInit } from '../../../format/server-init.ts'
import { StreamWriter } from '../../../format/stream-writer.ts'
import { recoverScreen } from './recover-screen.ts'
import type { StreamSink } from './stream-sink.ts'

// FBS blocks to frames in a sink.
//
//   between ── begin ──▶ open (HEAD, BODY) ── seal ──▶ between ── gap ──▶ between ── end ──▶ ended
//
// Every frame begins with a whole picture, so it decodes alone. What `flush` returns from is durable.

/** A frame ends at this much content, a fifth of a second for a player to seek through; or at two of a larger screen. */
const frameRawBytesMax = 48 * 1024 * 1024
const frameScreens = 2
/** Or after this, if as much has changed as a picture has. */
const frameMsMax = 60_000
/** Or after this: a clock that ticks is no reason for a picture every minute. */
const quietFrameMsMax = 10 * 60_000
/** Compressed bytes that wait in memory for the next flush. */
const pendingBytesMax = 1024 * 1024

export interface ScreenStreamOptions {
  sink: StreamSink
  recording: string
  signer: Signer
  crypto: Crypto
  certificate: string
  facts: Facts
  /** Offset up to which the farm has acknowledged. */
  knownBytes?: number
}

export class ScreenStream {
  readonly #sink: StreamSink
  readonly #options: ScreenStreamOptions
  #writer: StreamWriter
  #body: ZstdBody | undefined
  #raw = 0
  #pictureRaw: number | undefined
  #screenBytes = 0
  #openedMs = 0
  #endUs = 0
  #dirty = false
  #storedBytes = 0

  private constructor(options: ScreenStreamOptions) {
    this.#options = options
    this.#sink = options.sink
    this.#writer = this.#newWriter()
  }

  /** Repairs what a crash left. `undefined` when the stream has its END. */
  static async open(options: ScreenStreamOptions): Promise<ScreenStream | undefined> {
    if (options.sink.ended) return undefined
    const stream = new ScreenStream(options)
    const ended = await recoverScreen(options.sink, stream.#writer, options.knownBytes ?? 0)
    stream.#endUs = options.sink.state.written.at(-1)?.endUs ?? 0
    return ended ? undefined : stream
  }

  get isOpen(): boolean {
    return this.#body !== undefined
  }

  /** Nothing was recorded yet. */
  get isEmpty(): boolean {
    return this.#writer.offset === 0
  }

  /** Something waits for `flush`. Nothing may leave before the frame has its picture. */
  get isDirty(): boolean {
    return this.#dirty && this.#pictureRaw !== undefined
  }

  /** Time of what was written last, µs since the start. */
  get endUs(): number {
    return this.#endUs
  }

  /** Compressed bytes written by this process. */
  get storedBytes(): number {
    return this.#storedBytes
  }

  /** The frame that is open should end. */
  isDue(nowMs: number): boolean {
    if (!this.#body || this.#pictureRaw === undefined) return false
    const ageMs = nowMs - this.#openedMs
    return (
      this.#raw >= Math.max(frameRawBytesMax, frameScreens * this.#screenBytes) ||
      (ageMs >= frameMsMax && this.#raw >= 2 * this.#pictureRaw) ||
      ageMs >= quietFrameMsMax
    )
  }

  /** Begins a frame. The next blocks must paint the whole screen; `pictureIsWhole` says when they have. */
  async begin(init: ServerInit, nowUs: number, nowMs: number): Promise<void> {
    const first = this.#writer.frame === 0
    const serverInit = encodeServerInit(init)
    const wallMs = this.#options.facts.startedMs + nowUs / 1000
    await this.#sink.begin()
    await this.#append(this.#writer.head({ startUs: nowUs, wallMs, init: serverInit }))
    this.#screenBytes = init.width * init.height * pixelBytes
    this.#body = openZstdBody(screenZstd(this.#screenBytes))
    this.#raw = 0
    this.#pictureRaw = undefined
    this.#openedMs = nowMs
    this.#endUs = Math.max(this.#endUs, nowUs)
    if (!first) return
    await this.#write(fbsHeader)
    await this.#write(encodeBlock(encodeHandshake(serverInit), Math.floor(nowUs / 1000)))
  }

  /** `block` = whole FBS blocks; it may be used again afterwards. */
  async write(block: Uint8Array, timeUs: number): Promise<void> {
    this.#endUs = Math.max(this.#endUs, timeUs)
    await this.#write(block)
  }

  pictureIsWhole(): void {
    this.#pictureRaw ??= this.#raw
  }

  /** Makes everything written so far durable and sendable. */
  async flush(): Promise<void> {
    if (!this.isDirty || !this.#body) return
    this.#dirty = false
    await this.#appendBody(await this.#body.flush())
    await this.#sink.sync()
  }

  /** Ends the frame that is open, if one is. */
  async seal(): Promise<void> {
    const body = this.#body
    if (!body) return
    this.#body = undefined
    this.#dirty = false
    await this.#appendBody(await body.end())
    await this.#append(this.#writer.seal({ endUs: this.#endUs, rawBytes: this.#raw }))
    await this.#boundary()
  }

  /** Ends the frame that is open, or forgets it when its picture never became whole: nothing of it was sendable. */
  async leave(): Promise<void> {
    if (!this.#body || this.#pictureRaw !== undefined) return this.seal()
    this.close()
    this.#dirty = false
    this.#writer = this.#newWriter()
    await this.#sink.cut(0)
  }

  async gap(fromUs: number, toUs: number, reason: GapReason): Promise<void> {
    await this.seal()
    this.#endUs = Math.max(this.#endUs, toUs)
    await this.#sink.begin()
    await this.#append(this.#writer.gap({ fromUs, toUs, reason }))
    await this.#boundary()
  }

  async end(reason: EndReason): Promise<void> {
    await this.seal()
    await this.#sink.begin()
    const { state } = this.#writer
    await this.#sink.append(this.#writer.end({ endUs: this.#endUs, reason }))
    await this.#sink.keep(state, true)
  }

  /** Frees the compressor. What was flushed is repaired into a frame on the next start. */
  close(): void {
    this.#body?.close()
    this.#body = undefined
  }

  #newWriter(): StreamWriter {
    const { recording, signer, crypto, certificate, facts, sink } = this.#options
    const { sha256 } = crypto
    return new StreamWriter({
      recording,
      stream: 'rfb',
      signer,
      sha256,
      certificate,
      facts,
      state: sink.state,
    })
  }

  async #write(raw: Uint8Array): Promise<void> {
    const body = this.#body!
    await body.write(raw)
    this.#raw += raw.length
    this.#dirty = true
    if (body.pendingBytes >= pendingBytesMax) await this.#appendBody(body.take())
  }

  async #appendBody(compressed: Uint8Array): Promise<void> {
    if (compressed.length === 0) return
    this.#writer.body(compressed)
    await this.#append(compressed)
  }

  async #append(bytes: Uint8Array): Promise<void> {
    this.#storedBytes += bytes.length
    await this.#sink.append([bytes])
  }

  async #boundary(): Promise<void> {
    await this.#sink.keep(this.#writer.state, false)
  }
}
