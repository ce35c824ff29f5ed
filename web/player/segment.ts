import type { FrameEntry } from '../../format/frame-entry.ts'

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
  /** Ended by a SEAL, so that it can be fetched whole; false for the frame that is being written, or was when it tore. */
  closed: boolean
  /** The server found its digest, chain and signature right. */
  proven: boolean
  reason: string | undefined
  /** What exactly is wrong, where something is damaged. */
  detail?: string
}

export function segmentOf(entry: FrameEntry): Segment {
  return {
    kind: entry.kind === 'gap' ? 'gap' : 'frame',
    offset: entry.offset,
    size: entry.size,
    bodyOffset: entry.bodyOffset ?? entry.offset,
    bodySize: entry.bodySize ?? 0,
    startUs: entry.startUs,
    endUs: entry.endUs,
    rawBytes: entry.rawBytes ?? 0,
    closed: entry.kind === 'gap' || entry.rawBytes !== undefined,
    proven: entry.sealed,
    reason: entry.reason,
  }
}
