import { toBase64url } from './bytes.ts'
import { FormatError } from './format-error.ts'
import type { Hash, Signer } from './ports.ts'
import {
  type EndReason,
  encodeHead,
  type Facts,
  formatVersion,
  type GapReason,
  type SourcePosition,
  type StreamName,
} from './records.ts'
import { encodeSeekTable, type SeekEntry } from './seek-table.ts'
import { encodeSigned } from './signed-json.ts'
import { encodeSkippable, magic } from './skippable.ts'

// Makes the parts of one stream in order: HEAD, the BODY that the caller compressed, SEAL; GAPs between; END at last.
// It holds no bytes: what a call returns goes to the disk, and `state` says how to go on after a restart.
//
//   between ── head ──▶ open ── body… ── seal ──▶ between ── gap ──▶ between ── end ──▶ ended

/** One frame or inline GAP as written: enough to write the seek table and to name what came before any boundary. Sizes in bytes. */
export interface WrittenFrame {
  offset: number
  head: number
  body: number
  raw: number
  /** SEAL of a frame; the whole GAP for a gap, whose head and body are 0. */
  seal: number
  endUs: number
  /** What the next record names as `previous`. */
  chain: string
}

export interface StreamState {
  offset: number
  frame: number
  chain: string | null
  written: WrittenFrame[]
}

export interface StreamWriterOptions {
  recording: string
  stream: StreamName
  signer: Signer
  sha256: () => Hash
  certificate?: string
  facts?: Facts
  state?: StreamState
}

export class StreamWriter {
  readonly #options: StreamWriterOptions
  #offset: number
  #frame: number
  #chain: string | null
  #written: WrittenFrame[]
  #open: { offset: number; head: number; body: number; hash: Hash } | undefined

  constructor(options: StreamWriterOptions) {
    const { offset, frame, chain, written } = options.state ?? {
      offset: 0,
      frame: 0,
      chain: null,
      written: [],
    }
    this.#options = options
    this.#offset = offset
    this.#frame = frame
    this.#chain = chain
    this.#written = [...written]
  }

  /** Stream offset where the next byte goes. */
  get offset(): number {
    return this.#offset
  }

  /** Number of the frame that is open or comes next. */
  get frame(): number {
    return this.#frame
  }

  /** The frame or GAP that was written last. */
  get last(): WrittenFrame | undefined {
    return this.#written.at(-1)
  }

  /** As of the last boundary; a frame that is open is not in it. */
  get state(): StreamState {
    if (this.#open) throw new FormatError('writer', 'A frame is open: its state is known once it is sealed.')
    return { offset: this.#offset, frame: this.#frame, chain: this.#chain, written: [...this.#written] }
  }

  /** `startUs` since the recording's start, `wallMs` since the epoch, `init` = a screen's ServerInit. */
  head(at: { startUs: number; wallMs: number; source?: SourcePosition; init?: Uint8Array }): Uint8Array {
    if (this.#open) throw new FormatError('writer', 'HEAD while a frame is open.')
    const { recording, stream, certificate, facts } = this.#options
    const payload = encodeHead({
      v: formatVersion,
      recording,
      stream,
      frame: this.#frame,
      start: Math.floor(at.startUs),
      wall: Math.floor(at.wallMs),
      offset: this.#offset,
      ...(at.source && { source: at.source }),
      ...(this.#frame === 0 && certificate !== undefined && { certificate }),
      ...(this.#frame === 0 && facts && { facts }),
      ...(at.init && { init: toBase64url(at.init) }),
    })
    return this.resume(encodeSkippable(magic.head, payload))
  }

  /** Goes on after a restart in a frame whose HEAD lies on disk. `frame` = that whole skippable frame. */
  resume(frame: Uint8Array): Uint8Array {
    const hash = this.#options.sha256()
    hash.update(frame)
    this.#open = { offset: this.#offset, head: frame.length, body: 0, hash }
    this.#offset += frame.length
    return frame
  }

  /** Counts compressed bytes of the BODY, in order, as they are written. */
  body(compressed: Uint8Array): void {
    if (!this.#open) throw new FormatError('writer', 'BODY without HEAD.')
    this.#open.hash.update(compressed)
    this.#open.body += compressed.length
    this.#offset += compressed.length
  }

  /** `rawBytes` = the BODY decompressed. */
  seal(at: { endUs: number; rawBytes: number }): Uint8Array {
    const open = this.#open
    if (!open || open.body === 0) throw new FormatError('writer', 'SEAL without HEAD and BODY.')
    const frame = this.#record(magic.seal, {
      v: formatVersion,
      frame: this.#frame,
      end: Math.floor(at.endUs),
      raw: at.rawBytes,
      hash: toBase64url(open.hash.digest()),
      previous: this.#chain,
    })
    const { offset, head, body } = open
    this.#written.push({
      offset,
      head,
      body,
      raw: at.rawBytes,
      seal: frame.length,
      endUs: at.endUs,
      chain: this.#chain!,
    })
    this.#open = undefined
    this.#frame += 1
    return frame
  }

  /** A GAP in the stream's own order: bytes that never were in it. Replacing written frames is `replaceByGap`. */
  gap(at: { fromUs: number; toUs: number; reason: GapReason; lostBytes?: number }): Uint8Array {
    if (this.#open) throw new FormatError('writer', 'GAP while a frame is open.')
    const offset = this.#offset
    const frame = this.#record(magic.gap, {
      v: formatVersion,
      recording: this.#options.recording,
      from: Math.floor(at.fromUs),
      to: Math.floor(at.toUs),
      reason: at.reason,
      previous: this.#chain,
      ...(at.lostBytes !== undefined && { bytes: at.lostBytes }),
    })
    this.#written.push({
      offset,
      head: 0,
      body: 0,
      raw: 0,
      seal: frame.length,
      endUs: at.toUs,
      chain: this.#chain!,
    })
    return frame
  }

  /** END and seek table: the last bytes of the stream. */
  end(at: { endUs: number; reason: EndReason; exit?: number; signal?: number }): Uint8Array[] {
    if (this.#open) throw new FormatError('writer', 'END while a frame is open.')
    const end = this.#record(magic.end, {
      v: formatVersion,
      frames: this.#frame,
      end: Math.floor(at.endUs),
      reason: at.reason,
      ...(at.exit !== undefined && { exit: at.exit }),
      ...(at.signal !== undefined && { signal: at.signal }),
      previous: this.#chain,
    })
    const table = encodeSeekTable([...this.#written.flatMap(seekEntries), { size: end.length, raw: 0 }])
    this.#offset += table.length
    return [end, table]
  }

  #record(frameMagic: number, value: Record<string, unknown>): Uint8Array {
    const payload = encodeSigned(value, this.#options.signer)
    this.#chain = recordHash(payload, this.#options.sha256)
    const frame = encodeSkippable(frameMagic, payload)
    this.#offset += frame.length
    return frame
  }
}

/** The name of a SEAL, GAP or END: base64url of SHA-256 over its payload, signature included, padding not. */
export function recordHash(payload: Uint8Array, sha256: () => Hash): string {
  const hash = sha256()
  hash.update(payload)
  return toBase64url(hash.digest())
}

/** What a written frame or GAP looks like to a seek table. */
export function seekEntries(frame: WrittenFrame): SeekEntry[] {
  const seal = { size: frame.seal, raw: 0 }
  return frame.head === 0
    ? [seal]
    : [{ size: frame.head, raw: 0 }, { size: frame.body, raw: frame.raw }, seal]
}

/**
 * The GAP that takes the place of written bytes: `spanBytes` of the stream, from a boundary to a boundary.
 * `previous` = chain before the first dropped byte, `through` = chain after the last. Returns header and payload; zeros follow.
 */
export function replaceByGap(
  gap: {
    recording: string
    fromUs: number
    toUs: number
    reason: GapReason
    previous: string | null
    through?: string
    lostBytes?: number
  },
  spanBytes: number,
  signer: Signer,
): Uint8Array {
  const payload = encodeSigned(
    {
      v: formatVersion,
      recording: gap.recording,
      from: Math.floor(gap.fromUs),
      to: Math.floor(gap.toUs),
      reason: gap.reason,
      previous: gap.previous,
      ...(gap.through !== undefined && { through: gap.through }),
      ...(gap.lostBytes !== undefined && { bytes: gap.lostBytes }),
    },
    signer,
  )
  if (payload.length + 8 > spanBytes)
    throw new FormatError('gap-span', `A GAP of ${payload.length + 8} bytes does not fit into ${spanBytes}.`)
  return encodeSkippable(magic.gap, payload, spanBytes)
}
