import { activeSpans } from '../../format/activity-count.ts'
import type { Activity as Counted } from '../../format/index-records.ts'
import type { Segment } from './segment.ts'
import type { Moment } from './stream-source.ts'

/** Changes closer together than this is one burst: what an eye cannot tell apart on a timeline. */
const burstGapUs = 250_000
/** No change for this long is idle. Animations redraw more often, so fast review does not skip them. */
export const idleAfterUs = 2_000_000

/** A stroke a thousandth as large as the largest is still a tenth as tall. */
const flattening = 1 / 3

interface Burst {
  startUs: number
  endUs: number
  bytes: number
}

export interface Span {
  startUs: number
  endUs: number
}

/**
 * When something happened on the screen: from the server's index, to the second, and from the frames decoded so far; others
 * count as even activity.
 */
export class Activity {
  readonly #bursts = new Map<number, Burst[]>()
  readonly #indexed = new Set<number>()

  /** What the index has of frames, in place of what was seen of them. */
  know(frames: (Counted & { offset: number })[]): void {
    for (const frame of frames) {
      if (this.#indexed.has(frame.offset)) continue
      this.#indexed.add(frame.offset)
      this.#bursts.set(
        frame.offset,
        Array.from(activeSpans(frame), ({ startUs, endUs, amount }) => ({ startUs, endUs, bytes: amount })),
      )
    }
  }

  /** Adds what happened in a frame; of one that grows, what is new. `whole`: it is all of it. */
  add(segment: Segment, moments: Moment[], whole: boolean): void {
    if (this.#indexed.has(segment.offset)) return
    const bursts = whole ? [] : (this.#bursts.get(segment.offset) ?? [])
    this.#bursts.set(segment.offset, bursts)
    for (const { timeUs, bytes } of moments) {
      const last = bursts.at(-1)
      if (last && timeUs - last.endUs <= burstGapUs) {
        last.endUs = timeUs
        last.bytes += bytes
      } else bursts.push({ startUs: timeUs, endUs: timeUs, bytes })
    }
  }

  knows(segment: Segment): boolean {
    return this.#bursts.has(segment.offset)
  }

  /** Heights from 0 to 1 for `count` equal stretches up to `endUs`; flattened, or one `cat` hides all typing. */
  histogram(segments: Segment[], endUs: number, count: number): Float32Array {
    const heights = new Float32Array(count)
    if (endUs <= 0) return heights
    const put = ({ startUs, endUs: lastUs, bytes }: Burst) => {
      const from = Math.min(count - 1, Math.floor((startUs / endUs) * count))
      const to = Math.min(count - 1, Math.floor((lastUs / endUs) * count))
      for (let i = from; i <= to; i++) heights[i]! += bytes / (to - from + 1)
    }
    for (const segment of segments) {
      if (segment.kind === 'gap') continue
      const bursts = this.#bursts.get(segment.offset)
      if (bursts) bursts.forEach(put)
      else put({ startUs: segment.startUs, endUs: segment.endUs, bytes: segment.rawBytes })
    }
    const most = heights.reduce((a, b) => Math.max(a, b), 1)
    return heights.map((bytes) => (bytes / most) ** flattening)
  }

  /** Where nothing was written for a while, up to `endUs`. */
  idle(segments: Segment[], endUs: number): Span[] {
    const spans: Span[] = []
    let quietUs = 0
    const until = (timeUs: number) => {
      if (timeUs - quietUs >= idleAfterUs) spans.push({ startUs: quietUs, endUs: timeUs })
    }
    for (const segment of segments) {
      const bursts = this.#bursts.get(segment.offset)
      if (segment.kind === 'gap' || !bursts) {
        until(segment.startUs)
        quietUs = segment.endUs
        continue
      }
      for (const burst of bursts) {
        until(burst.startUs)
        quietUs = burst.endUs
      }
    }
    until(endUs)
    return spans
  }
}
