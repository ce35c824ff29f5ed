import { idleAfterUs } from './activity.ts'

/** Shown before the next output, so that the eye is there when it comes. */
const leadUs = 300_000

/** Where fast review goes on: just before the next event when that is long to come, else where it is. */
export function idleAhead(timeUs: number, nextUs: number | undefined, endUs: number | undefined): number {
  const until = nextUs ?? endUs
  if (until === undefined || until - timeUs < idleAfterUs) return timeUs
  return nextUs === undefined ? until : until - leadUs
}
