import type { TimelineEvent } from '../../../format/timeline.ts'

/** Decoded events kept, counted as the bytes they were, of which they take three times as much: to jump about near a moment. */
const cacheRawBytesMax = 8 * 1024 * 1024

/** Decoded frames by their offset; the least recently used go first. */
export class EventCache {
  readonly #frames = new Map<number, { events: TimelineEvent[]; rawBytes: number }>()
  #rawBytes = 0

  get(offset: number): TimelineEvent[] | undefined {
    const found = this.#frames.get(offset)
    if (!found) return undefined
    this.#frames.delete(offset)
    this.#frames.set(offset, found)
    return found.events
  }

  has(offset: number): boolean {
    return this.#frames.has(offset)
  }

  put(offset: number, events: TimelineEvent[], rawBytes: number): void {
    this.#frames.set(offset, { events, rawBytes })
    this.#rawBytes += rawBytes
    for (const [oldest, frame] of this.#frames) {
      if (this.#rawBytes <= cacheRawBytesMax || oldest === offset) break
      this.#frames.delete(oldest)
      this.#rawBytes -= frame.rawBytes
    }
  }
}
