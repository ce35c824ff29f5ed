import { FormatError } from '../../../format/format-error.ts'
import type { TimelineEvent } from '../../../format/timeline.ts'
import type { Segment } from '../segment.ts'
import type { StoredTimeline } from '../stored-stream.ts'
import { type BodyPart, type Moment, StreamSource } from '../stream-source.ts'
import { EventCache } from './event-cache.ts'
import { TailDecoder } from './tail-decoder.ts'

/** Bytes asked for in one go while a tail without a seal is read. */
const tailBytesMax = 64 * 1024 * 1024

/** A terminal's events, frame by frame: sealed frames are decoded whole, the open one once, as it comes. */
export class TerminalSource extends StreamSource {
  /** It had no terminal. */
  readonly isCommand: boolean
  readonly #timeline: StoredTimeline
  readonly #cache = new EventCache()
  readonly #open = new Map<number, TimelineEvent[]>()
  readonly #loading = new Map<number, Promise<TimelineEvent[]>>()
  readonly #tailWaits = new Map<number, () => void>()
  #tail: TailDecoder | undefined

  constructor(stored: StoredTimeline, isCommand: boolean) {
    super(stored)
    this.#timeline = stored
    this.isCommand = isCommand
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

  /** The tail of a recording that is not live: read to its end, as far as it decodes. Rejects with ApiError. */
  async readTail(): Promise<void> {
    const from = this.tailOffset
    if (this.isTailRead || this.ended.value || from >= this.size) return
    const to = Math.min(this.size, from + tailBytesMax)
    this.pushTail(from, await this.stored.bytes(from, to, this.gone.signal))
  }

  protected opened({ offset }: Segment): void {
    this.#tail = new TailDecoder({ headerExpected: offset === 0 })
    this.#openEvents(offset)
    this.#tailWaits.get(offset)?.()
    this.#tailWaits.delete(offset)
  }

  protected grown(segment: Segment, part: BodyPart): void {
    const { events, damage } = this.#tail?.push(part) ?? { events: [] }
    const kept = this.#open.get(segment.offset)
    for (const event of events) kept?.push(event)
    const newest = events.at(-1)
    if (newest) {
      segment.endUs = Math.max(segment.endUs, newest.timeUs)
      this.onMoments?.(segment, momentsOf(events), false)
      this.onTail?.(newest.timeUs)
    }
    if (damage) throw damage
  }

  protected sealed(segment: Segment): void {
    this.#cache.put(segment.offset, this.#open.get(segment.offset) ?? [], segment.rawBytes)
    this.#open.delete(segment.offset)
  }

  protected broken(): void {
    for (const wake of this.#tailWaits.values()) wake()
  }

  async #fetch(segment: Segment): Promise<TimelineEvent[]> {
    if (!segment.closed) {
      if (this.fed) await new Promise<void>((resolve) => this.#tailWaits.set(segment.offset, resolve))
      else await this.readTail()
      return this.#openEvents(segment.offset)
    }
    const events = await this.#timeline.events(segment, this.gone.signal).catch((error) => {
      if (error instanceof FormatError) return undefined
      throw error
    })
    if (!events) return this.#damaged(segment)
    this.#cache.put(segment.offset, events, segment.rawBytes)
    this.onMoments?.(segment, momentsOf(events), true)
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
    this.changed()
    return []
  }
}

/** What of events changes the screen. */
function momentsOf(events: TimelineEvent[]): Moment[] {
  return events
    .filter(({ code }) => code === 'o' || code === 'r')
    .map(({ timeUs, data }) => ({ timeUs, bytes: data.length }))
}
