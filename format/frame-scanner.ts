import { concatBytes, readU32le } from './bytes.ts'
import { FormatError } from './format-error.ts'
import { recordBytesMax } from './records.ts'
import { isSkippable, magic, skippableHeaderBytes, skippableSpanBytes } from './skippable.ts'
import { blockHeaderBytes, frameHeaderBytes, readBlock } from './zstd-blocks.ts'

// Cuts a stream into its parts as bytes arrive, in any pieces, without decoding and without holding more than one record.
//
//   idle ── magic of HEAD, SEAL, END, seek table, other skippable ──▶ idle      (the part is given out whole)
//   idle ── magic of GAP ──▶ padding ── its span is passed ──▶ idle
//   idle ── zstd magic ──▶ body ── last block is passed ──▶ idle              (given out in chunks as they come)

/** A seek table has 24 bytes a frame; this is one of 2.8 million frames. Skippable frames unknown to us share the limit. */
const tableBytesMax = 64 * 1024 * 1024
/** `frame` = header and payload, without a GAP's padding; `size` = the whole span. */
export interface RecordPart {
  kind: 'head' | 'seal' | 'end' | 'gap'
  offset: number
  size: number
  frame: Uint8Array
  payload: Uint8Array
}

export type FramePart =
  | RecordPart
  | { kind: 'body'; offset: number; bytes: Uint8Array; first: boolean; last: boolean }
  | { kind: 'padding'; offset: number; size: number; clean: boolean }
  | { kind: 'seek-table'; offset: number; size: number; frame: Uint8Array }
  | { kind: 'unknown'; offset: number; size: number; magic: number }

export class FrameScanner {
  #bytes: Uint8Array = new Uint8Array(0)
  #at = 0
  #offset: number
  #state: 'idle' | 'body' | 'padding' = 'idle'
  #blockLeft = 0
  #lastBlock = false
  #paddingLeft = 0

  /** `offset` = where in the stream the first pushed byte lies; it must be the start of a part. */
  constructor(offset = 0) {
    this.#offset = offset
  }

  /** Offset of the next byte that no part has been given out for. */
  get offset(): number {
    return this.#offset
  }

  /** Bytes pushed and not yet given out. */
  get pendingBytes(): number {
    return this.#bytes.length - this.#at
  }

  /** True between parts: nothing is half read. */
  get idle(): boolean {
    return this.#state === 'idle' && this.pendingBytes === 0
  }

  push(bytes: Uint8Array): void {
    this.#bytes = this.pendingBytes === 0 ? bytes : concatBytes([this.#bytes.subarray(this.#at), bytes])
    this.#at = 0
  }

  /** Passes `size` bytes of a GAP's padding that are known to be a hole, without touching them. */
  skipHole(size: number): void {
    if (this.#state !== 'padding' || this.pendingBytes > 0 || size > this.#paddingLeft)
      throw new FormatError('hole', `A hole of ${size} bytes does not lie in a GAP's padding.`, {
        offset: this.#offset,
      })
    this.#passPadding(size)
  }

  /** The next part, or `undefined` when it needs more bytes. Throws FormatError where the stream is damaged. */
  next(): FramePart | undefined {
    const part = this.#next()
    if (part) return part
    // Of what was pushed only the beginning of a part is kept, as a copy: thousands of streams would hold a message each.
    this.#bytes = this.#bytes.slice(this.#at)
    this.#at = 0
    return undefined
  }

  #next(): FramePart | undefined {
    if (this.#state === 'body') return this.#nextBody(false)
    if (this.#state === 'padding') return this.#nextPadding()
    if (this.pendingBytes < 4) return undefined
    const found = readU32le(this.#bytes, this.#at)
    if (found === magic.zstd) {
      const header = frameHeaderBytes(this.#bytes, this.#at, this.#offset)
      if (header === undefined) return undefined
      this.#state = 'body'
      this.#blockLeft = header
      this.#lastBlock = false
      return this.#nextBody(true)
    }
    if (isSkippable(found)) return this.#nextSkippable(found)
    throw new FormatError(
      'magic',
      `Expected a part of a recording, got the bytes 0x${found.toString(16).padStart(8, '0')}.`,
      {
        offset: this.#offset,
      },
    )
  }

  #nextSkippable(found: number): FramePart | undefined {
    if (this.pendingBytes < skippableHeaderBytes) return undefined
    const size = skippableSpanBytes(this.#bytes, this.#at)
    const offset = this.#offset
    if (found === magic.gap) return this.#nextGap(size)
    const record = found === magic.head || found === magic.seal || found === magic.end
    const limit = skippableHeaderBytes + (record ? recordBytesMax : tableBytesMax)
    if (size > limit)
      throw new FormatError('record-size', `A record claims ${size} bytes; ${limit} are allowed.`, { offset })
    if (this.pendingBytes < size) return undefined
    const frame = this.#take(size)
    if (found === magic.seekTable) return { kind: 'seek-table', offset, size, frame }
    if (!record) return { kind: 'unknown', offset, size, magic: found }
    const kind = found === magic.head ? 'head' : found === magic.seal ? 'seal' : 'end'
    return { kind, offset, size, frame, payload: frame.subarray(skippableHeaderBytes) }
  }

  // The payload ends before the first zero byte, or where the frame ends. JSON has no zero bytes.
  #nextGap(size: number): FramePart | undefined {
    const offset = this.#offset
    const start = this.#at + skippableHeaderBytes
    const reach = Math.min(size, skippableHeaderBytes + recordBytesMax) + this.#at
    const zero = this.#bytes.subarray(start, reach).indexOf(0)
    const end = zero >= 0 ? start + zero : reach
    if (zero < 0) {
      if (this.#bytes.length < reach) return undefined
      if (reach - this.#at < size)
        throw new FormatError('record-size', 'A GAP has more than 4 KiB of payload.', { offset })
    }
    const frame = this.#take(end - this.#at)
    this.#paddingLeft = size - frame.length
    if (this.#paddingLeft > 0) this.#state = 'padding'
    return { kind: 'gap', offset, size, frame, payload: frame.subarray(skippableHeaderBytes) }
  }

  #nextPadding(): FramePart | undefined {
    const size = Math.min(this.#paddingLeft, this.pendingBytes)
    if (size === 0) return undefined
    const offset = this.#offset
    const clean = this.#bytes.subarray(this.#at, this.#at + size).every((byte) => byte === 0)
    this.#at += size
    this.#passPadding(size)
    return { kind: 'padding', offset, size, clean }
  }

  #passPadding(size: number): void {
    this.#offset += size
    this.#paddingLeft -= size
    if (this.#paddingLeft === 0) this.#state = 'idle'
  }

  // Walks as many blocks as are here and gives them out as one chunk.
  #nextBody(first: boolean): FramePart | undefined {
    const offset = this.#offset
    let at = this.#at
    const end = this.#bytes.length
    let last = false
    while (true) {
      const step = Math.min(this.#blockLeft, end - at)
      at += step
      this.#blockLeft -= step
      if (this.#blockLeft > 0) break
      if (this.#lastBlock) {
        last = true
        break
      }
      if (end - at < blockHeaderBytes) break
      const block = readBlock(this.#bytes, at, offset + at - this.#at)
      this.#blockLeft = blockHeaderBytes + block.contentBytes
      this.#lastBlock = block.last
    }
    if (at === this.#at) return undefined
    if (last) this.#state = 'idle'
    return { kind: 'body', offset, bytes: this.#take(at - this.#at), first, last }
  }

  #take(size: number): Uint8Array {
    const taken = this.#bytes.subarray(this.#at, this.#at + size)
    this.#at += size
    this.#offset += size
    return taken
  }
}
