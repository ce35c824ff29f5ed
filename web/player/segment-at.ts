import type { Segment } from './segment.ts'

/** The number of the segment in which `timeUs` lies: the last that starts at or before it, else the first. */
export function segmentAt(segments: Segment[], timeUs: number): number {
  let low = 0
  let high = segments.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (segments[middle]!.startUs <= timeUs) low = middle
    else high = middle - 1
  }
  return Math.max(0, low)
}
