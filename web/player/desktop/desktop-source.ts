import { ApiError } from '../../api/api-error.ts'
import type { Segment } from '../segment.ts'
import type { StoredStream } from '../stored-stream.ts'
import { type BodyPart, type Moment, StreamSource } from '../stream-source.ts'
import type { Drawn, FrameRef, Lane } from './messages.ts'
import { PieceCache } from './piece-cache.ts'

/** Asked for in one go: most frames are one piece. */
const pieceBytes = 1024 * 1024
/** Asked for at the same time as the one that is wanted: where much was seen, a frame has ten. */
const aheadPieces = 2
/** Of what the live feed brought; what is older is fetched again. */
const fedBytesMax = 4 * 1024 * 1024
/** How long damage is shown at least: the end of a recording has nothing behind it. */
const damageShownUs = 1_000_000

/** A desktop's frames, of which stored bytes are handed on in pieces. */
export class DesktopSource extends StreamSource {
  readonly #timeline: StoredStream | undefined
  readonly #pieces = new PieceCache()
  readonly #fetching = new Map<number, Promise<Uint8Array>>()
  /** What is told of each frame, so that it is told once. */
  readonly #toldUs = new Map<number, number>()
  #fed: { offset: number; bytes: Uint8Array }[] = []
  #timelineEndUs = 0

  /** `timeline` says when the recording ends, which may be long after its screen changed last. */
  constructor(stored: StoredStream, timeline: StoredStream | undefined) {
    super(stored)
    this.#timeline = timeline
  }

  override async readTable(): Promise<void> {
    await Promise.all([super.readTable(), this.#readTimeline()])
    this.measure()
  }

  override async finished(): Promise<void> {
    await this.#readTimeline().catch(() => undefined)
    this.measure()
  }

  has({ kind, bodyOffset }: Segment): boolean {
    return kind === 'gap' || this.#pieces.has(bodyOffset)
  }

  /** Bytes of a frame's BODY from `from` on: at least one, where it has that many. Rejects with ApiError. */
  async bytes(frame: FrameRef, from: number, lane: Lane): Promise<Uint8Array> {
    const end = frame.bodyOffset + frame.bodySize
    const fed = this.#fedBytes(from, end)
    if (fed) return fed
    const to = Math.min(end, from + pieceBytes)
    const piece = this.#piece(from, to, lane !== 'scan' && frame.closed)
    if (lane === 'shown') this.#readAhead(frame, to)
    return piece
  }

  /** What a frame's drawing has told about it. */
  drawn(segment: Segment, { atUs, moments, damage }: Drawn): void {
    const fresh: Moment[] = []
    const toldUs = this.#toldUs.get(segment.offset) ?? -1
    for (let i = 0; i < moments.length; i += 2)
      if (moments[i]! > toldUs) fresh.push({ timeUs: moments[i]!, bytes: moments[i + 1]! })
    if (fresh.length > 0) {
      this.#toldUs.set(segment.offset, fresh.at(-1)!.timeUs)
      this.onMoments?.(segment, fresh, false)
    }
    if (!segment.closed && atUs > segment.endUs) {
      segment.endUs = atUs
      this.measure()
      this.onTail?.(atUs)
    }
    if (damage) this.#damaged(segment, damage)
  }

  protected opened({ startUs }: Segment): void {
    this.#fed = []
    const before = this.segments.peek().at(-2)
    if (before?.reason === 'damaged') before.endUs = startUs
  }

  protected grown(_segment: Segment, { offset, bytes }: BodyPart): void {
    this.#fed.push({ offset, bytes: bytes.slice() })
    let kept = this.#fed.reduce((sum, piece) => sum + piece.bytes.length, 0)
    while (kept > fedBytesMax && this.#fed.length > 1) kept -= this.#fed.shift()!.bytes.length
    this.onTail?.(undefined)
  }

  protected sealed(segment: Segment): void {
    if (this.#fed[0]?.offset === segment.bodyOffset) this.#pieces.put(segment.bodyOffset, this.#fed[0].bytes)
    this.#fed = []
  }

  protected broken(): void {}

  protected override measure(): void {
    super.measure()
    this.endUs.value = Math.max(this.endUs.value, this.#timelineEndUs)
  }

  async #readTimeline(): Promise<void> {
    const table = await this.#timeline?.table(this.gone.signal)
    for (const { endUs } of table?.frames ?? []) this.#timelineEndUs = Math.max(this.#timelineEndUs, endUs)
  }

  #fedBytes(from: number, end: number): Uint8Array | undefined {
    for (const { offset, bytes } of this.#fed)
      if (offset <= from && from < offset + bytes.length)
        return bytes.subarray(from - offset, Math.min(bytes.length, end - offset))
    return undefined
  }

  #piece(from: number, to: number, isKept: boolean): Promise<Uint8Array> {
    const kept = this.#pieces.get(from)
    if (kept) return Promise.resolve(kept)
    const running = this.#fetching.get(from)
    if (running) return running
    const fetching = this.stored
      .bytes(from, to, this.gone.signal)
      .then((bytes) => {
        if (bytes.length === 0) throw new ApiError(0, 'stream-short', `The screen has no bytes at ${from}.`)
        if (isKept) this.#pieces.put(from, bytes)
        return bytes
      })
      .finally(() => this.#fetching.delete(from))
    this.#fetching.set(from, fetching)
    return fetching
  }

  #readAhead({ offset, bodyOffset, bodySize, closed }: FrameRef, from: number): void {
    if (!closed) return
    const end = bodyOffset + bodySize
    const next = this.segments.peek().find((segment) => segment.kind === 'frame' && segment.offset > offset)
    if (from < end) this.#fetchAhead(from, end)
    else if (next?.closed) this.#fetchAhead(next.bodyOffset, next.bodyOffset + next.bodySize)
  }

  #fetchAhead(from: number, end: number): void {
    for (let at = from; at < Math.min(end, from + aheadPieces * pieceBytes); at += pieceBytes)
      this.#piece(at, Math.min(end, at + pieceBytes), true).catch(() => undefined)
  }

  // What is behind the damage is shown as missing, up to the next frame, from which on playback goes on (SPEC S1).
  #damaged(segment: Segment, { fromUs, text }: NonNullable<Drawn['damage']>): void {
    const segments = this.segments.peek()
    const at = segments.indexOf(segment)
    const next = segments[at + 1]
    if (at < 0 || next?.offset === segment.offset + 1) return
    const endUs = next ? Math.max(next.startUs, fromUs) : Math.max(segment.endUs, fromUs + damageShownUs)
    const isNothing = fromUs <= segment.startUs
    const gap: Segment = {
      ...segment,
      ...{ kind: 'gap', closed: true, startUs: fromUs, endUs, reason: 'damaged', detail: text },
      // A part of the frame, behind its beginning.
      ...(!isNothing && { offset: segment.offset + 1, size: 0, bodySize: 0 }),
    }
    segment.endUs = gap.startUs
    segment.proven = false
    this.segments.value = isNothing ? segments.toSpliced(at, 1, gap) : segments.toSpliced(at + 1, 0, gap)
    this.measure()
  }
}
