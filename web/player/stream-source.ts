import { type Signal, signal } from '@preact/signals'
import { type FramePart, FrameScanner } from '../../format/frame-scanner.ts'
import { parseRecord, type StreamName } from '../../format/records.ts'
import { type Segment, segmentOf } from './segment.ts'
import type { StoredStream } from './stored-stream.ts'

/** Something that changed the screen, and how much of it: bytes. */
export interface Moment {
  timeUs: number
  bytes: number
}

export type BodyPart = Extract<FramePart, { kind: 'body' }>

/**
 * What is known of the stream that a screen shows: its frames and gaps, and how it grows. Sealed frames are fetched when
 * wanted; what follows them comes in as bytes (`pushTail`) until a SEAL makes it fetchable.
 */
export abstract class StreamSource {
  /** Changes by replacement when segments are added or grow. */
  readonly segments: Signal<Segment[]> = signal([])
  readonly endUs = signal(0)
  readonly ended = signal(false)
  /** True where the tail holds something that is no recording: what lies behind cannot be read. */
  readonly damaged = signal(false)
  /** Offset up to which bytes are known. */
  size = 0
  /** True while a live feed brings the tail, so that it is waited for and not fetched. */
  fed = false
  /** Told when the tail has grown, with the time of the newest that is in it, where that is known. */
  onTail: ((newestUs: number | undefined) => void) | undefined
  /** Told once about everything that happens in a frame, in order. `whole`: it is all of the frame. */
  onMoments: ((segment: Segment, moments: Moment[], whole: boolean) => void) | undefined
  protected readonly stored: StoredStream
  protected readonly gone = new AbortController()
  #scanner: FrameScanner | undefined
  /** The frame that the tail's bytes belong to. */
  #open: Segment | undefined
  #tailEnd = 0

  constructor(stored: StoredStream) {
    this.stored = stored
  }

  /** Of the stream that is shown. */
  get name(): StreamName {
    return this.stored.name
  }

  /** What is shown of it needs no fetching. */
  abstract has(segment: Segment): boolean

  /** A frame begins. */
  protected abstract opened(segment: Segment): void

  /** Stored bytes of the frame that is open. Throws FormatError where they are damaged. */
  protected abstract grown(segment: Segment, part: BodyPart): void

  protected abstract sealed(segment: Segment): void

  /** Nothing more comes of the tail. */
  protected abstract broken(): void

  /** The session has ended, and all of the stream is here. */
  async finished(): Promise<void> {}

  /** Reads the frame table. Throws ApiError. */
  async readTable(): Promise<void> {
    const table = await this.stored.table(this.gone.signal)
    this.size = table.size
    this.ended.value = table.frames.some((entry) => entry.kind === 'end')
    this.segments.value = table.frames.filter((entry) => entry.kind !== 'end').map(segmentOf)
    this.measure()
  }

  /** What the check of the whole found wrong, at these offsets, is not shown as proven. */
  disprove(offsets: number[]): void {
    const wrong = ({ offset, size }: Segment) => offsets.some((at) => at >= offset && at < offset + size)
    for (const segment of this.segments.value) if (wrong(segment)) segment.proven = false
    if (offsets.length > 0) this.changed()
  }

  /** Where the live feed is to go on: behind what it has brought, else where what is not sealed begins. */
  get tailOffset(): number {
    if (this.#scanner) return this.#tailEnd
    const open = this.segments.value.find((segment) => !segment.closed)
    if (open) return open.offset
    const last = this.segments.value.at(-1)
    return last ? last.offset + last.size : 0
  }

  /** Bytes from the live feed, from `tailOffset` on, in order and without holes. What decodes is kept (I5). */
  pushTail(offset: number, bytes: Uint8Array): void {
    if (this.damaged.value) return
    this.#scanner ??= new FrameScanner(offset)
    this.#tailEnd = offset + bytes.length
    this.size = Math.max(this.size, this.#tailEnd)
    try {
      this.#scanner.push(bytes)
      for (let part = this.#scanner.next(); part; part = this.#scanner.next()) this.#apply(part)
    } catch {
      this.damaged.value = true
      this.broken()
    }
    this.measure()
  }

  close(): void {
    this.gone.abort()
    this.onTail = undefined
    this.onMoments = undefined
  }

  protected get isTailRead(): boolean {
    return this.#scanner !== undefined
  }

  protected changed(): void {
    this.segments.value = [...this.segments.value]
  }

  protected measure(): void {
    this.endUs.value = this.segments.value.reduce((end, segment) => Math.max(end, segment.endUs), 0)
  }

  // What came over the live feed is shown as proven once the server has checked it.
  async #askProof(): Promise<void> {
    const { frames } = await this.stored.table(this.gone.signal).catch(() => ({ frames: [] }))
    const proven = new Set(frames.filter((entry) => entry.sealed).map((entry) => entry.offset))
    for (const segment of this.segments.value) if (proven.has(segment.offset)) segment.proven = true
    if (proven.size > 0) this.changed()
  }

  #apply(part: FramePart): void {
    const { kind, offset } = part
    const known = this.segments.value.find((segment) => segment.offset === offset)
    const open = this.#open
    if (kind === 'head') {
      const { start: startUs } = parseRecord(kind, part.payload, offset)
      this.#open =
        known ?? this.#add({ kind: 'frame', offset, size: 0, startUs, endUs: startUs, closed: false })
      this.opened(this.#open)
    } else if (kind === 'body' && open) {
      const end = offset + part.bytes.length
      if (part.first) open.bodyOffset = offset
      open.bodySize = Math.max(open.bodySize, end - open.bodyOffset)
      open.size = Math.max(open.size, end - open.offset)
      this.grown(open, part)
    } else if (kind === 'seal' && open) {
      const { end, raw } = parseRecord(kind, part.payload, offset)
      open.endUs = end
      open.rawBytes = raw
      open.size = offset + part.size - open.offset
      open.closed = true
      this.sealed(open)
    } else if (kind === 'gap' && !known) {
      const { from: startUs, to: endUs, reason } = parseRecord(kind, part.payload, offset)
      this.#add({ kind: 'gap', offset, size: part.size, startUs, endUs, closed: true, reason })
    } else if (kind === 'end') {
      parseRecord(kind, part.payload, offset)
      this.ended.value = true
    }
    if (this.fed && ['seal', 'gap', 'end'].includes(kind)) this.#askProof()
  }

  #add(
    part: Partial<Segment> & Pick<Segment, 'kind' | 'offset' | 'size' | 'startUs' | 'endUs' | 'closed'>,
  ): Segment {
    const added = {
      ...{ bodyOffset: part.offset, bodySize: 0, rawBytes: 0, proven: false, reason: undefined },
      ...part,
    }
    this.segments.value = [...this.segments.value, added]
    return added
  }
}
