import type { Segment } from './segment.ts'

/** Why data is missing, as a reviewer reads it. */
export const gapReasons: Record<string, string> = {
  expired: 'the host could not send it in time',
  quota: 'the host ran out of space for unsent data',
  flood: 'more output came than could be captured',
  crash: 'the host stopped before it was saved',
  paused: 'recording was paused',
  store: 'the server lost it',
  damaged: 'it is damaged and cannot be read',
}

export function gapAt(segments: Segment[], timeUs: number): Segment | undefined {
  return segments.find(
    (segment) => segment.kind === 'gap' && segment.startUs <= timeUs && timeUs < segment.endUs,
  )
}
