import { idleAfterUs } from './activity.ts'
import { gapAt } from './gap-words.ts'
import type { Segment } from './segment.ts'

/** A gap is shown this long, then playback goes on behind it. */
const gapShownUs = 2_000_000
/** Shown before the next output, so that the eye is there when it comes. */
const leadUs = 300_000

export interface Ahead {
  segments: Segment[]
  speed: number
  skipIdle: boolean
  /** When the next event is; `undefined` where none is known. */
  nextUs: number | undefined
  /** The end, which a live session does not have. */
  endUs: number | undefined
}

/** Where playback goes on at `timeUs`: past a gap once it was seen, and past idle time where that is wanted. */
export function jumpAhead(timeUs: number, { segments, speed, skipIdle, nextUs, endUs }: Ahead): number {
  const gap = gapAt(segments, timeUs)
  if (gap) {
    const shownUs = Math.min(gapShownUs * Math.max(1, speed), gap.endUs - gap.startUs)
    return timeUs - gap.startUs >= shownUs ? gap.endUs : timeUs
  }
  if (!skipIdle) return timeUs
  const until = nextUs === undefined ? endUs : nextUs - leadUs
  if (until === undefined || until - timeUs < idleAfterUs - leadUs) return timeUs
  // What is missing is no idle time: it is shown.
  const missing = segments.find(({ kind, startUs }) => kind === 'gap' && startUs > timeUs && startUs < until)
  return missing?.startUs ?? until
}
