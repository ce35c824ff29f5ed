import type { TableEntry } from '../api/recording.ts'

/** A stretch of a recording as the player knows it: a frame, or what is missing. Times in µs since the start. */
export interface Segment {
  kind: 'frame' | 'gap'
  offset: number
  size: number
  bodyOffset: number
  bodySize: number
  startUs: number
  endUs: number
  rawBytes: number
  /** False for the tail that no SEAL covers yet. */
  sealed: boolean
  reason: string | undefined
}

export function segmentOf(entry: TableEntry): Segment {
  return {
    kind: entry.kind === 'gap' ? 'gap' : 'frame',
    offset: entry.offset,
    size: entry.size,
    bodyOffset: entry.bodyOffset ?? entry.offset,
    bodySize: entry.bodySize ?? 0,
    startUs: entry.startUs,
    endUs: entry.endUs,
    rawBytes: entry.rawBytes ?? 0,
    sealed: entry.kind === 'gap' || entry.sealed === true,
    reason: entry.reason,
  }
}
