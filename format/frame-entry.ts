/** One frame, gap or end of a stream. Offsets and sizes in bytes of the stream, times in µs since the recording's start. */
export interface FrameEntry {
  kind: 'frame' | 'gap' | 'end'
  offset: number
  size: number
  bodyOffset?: number
  bodySize?: number
  startUs: number
  endUs: number
  wallMs?: number
  rawBytes?: number
  /** Proven by a SEAL, GAP or END whose digest, chain and signature are right. */
  sealed: boolean
  reason?: string
}

/** What is known of a stream's first `size` bytes. */
export interface FrameTable {
  size: number
  frames: FrameEntry[]
}
