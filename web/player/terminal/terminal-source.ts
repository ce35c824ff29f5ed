import { type Signal, signal } from '@preact/signals'
import { FormatError } from '../../../format/format-error.ts'
import type { TimelineEvent } from '../../../format/timeline.ts'
import { type Segment, segmentOf } from '../segment.ts'
import type { StoredStream } from '../stored-stream.ts'
import { EventCache } from './event-cache.ts'
import { TailDecoder, type TailItem } from './tail-decoder.ts'

/** Bytes asked for in one go while a tail without a seal is read. */
const tailBytesMax = 64 * 1024 * 1024

/**
 * A recording's events, frame by frame. Sealed frames are fetched when wanted and decoded whole; what follows them is
 * decoded once as it comes (`pushTail`) and kept until a SEAL makes it fetchable again.
 */
export class TerminalSource {
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
  /** Told about events in the order they were recorded, as they come in at the live end. */
  onTail: ((events: TimelineEvent[]) => void) | undefined
  /** Told once for every frame whose events are known. */
  onDecoded: ((segment: Segment, events: TimelineEvent[]) => void) | undefined
  /** It had no terminal. */
  readonly isCommand: boolean
  readonly #stored: StoredStream
  readonly #cache = new EventCache()
  readonly #open = new Map<number, TimelineEvent[]>()
  readonly #loading = new Map<number, Promise<TimelineEvent[]>>()
  readonly #gone = new AbortController()
  readonly #tailWaits = new Map<number, () => void>()
  #tail: TailDecoder | undefined
  #tailEnd = 0

  constructor(stored: StoredStream, isCommand: boolean) {
    this.#stored = stored
    this.isCommand = isCommand
  }

  /** Reads the frame table. Throws ApiError. */
  async readTable(): Promise<void> {
    const table = await this.#stored.table(this.#gone.signal)
    this.size = table.size
    this.ended.value = table.frames.some((entry) => entry.kind === 'end')
    this.segments.value = table.frames.filter((entry) => entry.kind !== 'end').map(segmentOf)
    this.#measure()
  }

  // What came over the live feed is shown as proven once the server has checked it.
  async #askProof(): Promise<void> {
    const { frames } = await this.#stored.table(this.#gone.signal).catch(() => ({ frames: [] }))
    const proven = new Set(frames.filter((entry) => entry.sealed).map((entry) => entry.offset))
    for (const segment of this.segments.value) if (proven.has(segment.offset)) segment.proven = true
    if (proven.size > 0) this.segments.value = [...this.segments.value]
  }

  /** What the check of the whole found wrong, at these offsets, is not shown as proven. */
  disprove(offsets: number[]): void {
    const wrong = ({ offset, size }: Segment) => offsets.some((at) => at >= offset && at < offset + size)
    for (const segment of this.segments.value) if (wrong(segment)) segment.proven = false
    if (offsets.length > 0) this.segments.value = [...this.segments.value]
  }

  /** Where the live feed is to go on: behind what it has brought, else where what is not sealed begins. */
  get tailOffset(): number {
    if (this.#tail) return this.#tailEnd
    const open = this.segments.value.find((segment) => !segment.closed)
    if (open) return open.offset
    const last = this.segments.value.at(-1)
    return last ? last.offset + last.size : 0
  }

  /** A frame's events if they are at hand. A gap has none. */
  peek(segment: Segment): TimelineEvent[] | undefined {
    if (segment.kind === 'gap') return []
    return this.#open.get(segment.offset) ?? this.#cache.get(segment.offset)
  }

  has(segment: Segment): boolean {
    return segment.kind === 'gap' || this.#open.has(segment.offset) || this.#cache.has(segment.offset)
  }

  /** A frame's events, fetched when need be; none where it does not decode. Throws ApiError. */
  load(segment: Segment): Promise<TimelineEvent[]> {
    const here = this.peek(segment)
    if (here) return Promise.resolve(here)
    const running = this.#loading.get(segment.offset)
    if (running) return running
    const loading = this.#fetch(segment).finally(() => this.#loading.delete(segment.offset))
    this.#loading.set(segment.offset, loading)
    return loading
  }

  /** The tail of a recording that is not live: read to its end, as far as it decodes. */
  async readTail(): Promise<void> {
    const from = this.tailOffset
    if (this.#tail || this.ended.value || from >= this.size) return
    const to = Math.min(this.size, from + tailBytesMax)
    this.pushTail(from, await this.#stored.bytes(from, to, this.#gone.signal))
  }

  /** Bytes from the live feed, from `tailOffset` on, in order and without holes. What decodes is kept (I5). */
  pushTail(offset: number, bytes: Uint8Array): void {
    if (this.damaged.value) return
    this.#tail ??= new TailDecoder(offset)
    this.#tailEnd = offset + bytes.length
    this.size = Math.max(this.size, this.#tailEnd)
    try {
      for (const item of this.#tail.push(bytes)) this.#apply(item)
    } catch {
      this.damaged.value = true
      for (const wake of this.#tailWaits.values()) wake()
    }
    this.#measure()
  }

  close(): void {
    this.#gone.abort()
    this.onTail = undefined
    this.onDecoded = undefined
  }

  async #fetch(segment: Segment): Promise<TimelineEvent[]> {
    if (!segment.closed) {
      if (this.fed) await new Promise<void>((resolve) => this.#tailWaits.set(segment.offset, resolve))
      else await this.readTail()
      return this.#openEvents(segment.offset)
    }
    const events = await this.#stored.events(segment, this.#gone.signal).catch((error) => {
      if (error instanceof FormatError) return undefined
      throw error
    })
    if (!events) return this.#damaged(segment)
    this.#cache.put(segment.offset, events, segment.rawBytes)
    this.onDecoded?.(segment, events)
    return events
  }

  // Empty where the tail could not be read: known to have nothing, so that nobody asks again.
  #openEvents(offset: number): TimelineEvent[] {
    const events = this.#open.get(offset) ?? []
    this.#open.set(offset, events)
    return events
  }

  // Shown as a gap, behind which playback goes on (SPEC S1); that the proof fails is the verifier's to say.
  #damaged(segment: Segment): TimelineEvent[] {
    segment.kind = 'gap'
    segment.reason = 'damaged'
    this.segments.value = [...this.segments.value]
    return []
  }

  #apply(item: TailItem): void {
    const segments = this.segments.value
    const last = segments.at(-1)
    if (item.kind === 'head') {
      this.#openEvents(item.offset)
      this.#tailWaits.get(item.offset)?.()
      this.#tailWaits.delete(item.offset)
      if (last?.offset === item.offset) return
      const startUs = item.head.start
      this.#add({ kind: 'frame', offset: item.offset, size: 0, startUs, endUs: startUs, closed: false })
    } else if (item.kind === 'body' && last) {
      if (item.first) last.bodyOffset = item.offset
      last.bodySize = item.offset + item.size - last.bodyOffset
      last.size = item.offset + item.size - last.offset
      const events = this.#open.get(last.offset)
      for (const event of item.events) events?.push(event)
      const newest = item.events.at(-1)
      if (!newest) return
      last.endUs = Math.max(last.endUs, newest.timeUs)
      this.onDecoded?.(last, item.events)
      this.onTail?.(item.events)
    } else if (item.kind === 'seal' && last) {
      last.endUs = item.seal.end
      last.rawBytes = item.seal.raw
      last.size = item.offset + item.size - last.offset
      last.closed = true
      this.#cache.put(last.offset, this.#open.get(last.offset) ?? [], item.seal.raw)
      this.#open.delete(last.offset)
    } else if (item.kind === 'gap' && last?.offset !== item.offset) {
      const { from, to, reason } = item.gap
      this.#add({
        kind: 'gap',
        offset: item.offset,
        size: item.size,
        startUs: from,
        endUs: to,
        closed: true,
        reason,
      })
    } else if (item.kind === 'end') {
      this.ended.value = true
    }
    if (this.fed && item.kind !== 'head' && item.kind !== 'body') this.#askProof()
  }

  #add(
    part: Partial<Segment> & Pick<Segment, 'kind' | 'offset' | 'size' | 'startUs' | 'endUs' | 'closed'>,
  ): void {
    const added = {
      ...{ bodyOffset: part.offset, bodySize: 0, rawBytes: 0, proven: false, reason: undefined },
      ...part,
    }
    this.segments.value = [...this.segments.value, added]
  }

  #measure(): void {
    this.endUs.value = this.segments.value.reduce((end, segment) => Math.max(end, segment.endUs), 0)
  }
}
