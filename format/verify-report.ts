import type { End, Gap, GapReason, Head, Seal, StreamName } from './records.ts'

// What a check of a stream finds: FORMAT.md, "Verify".

export interface Problem {
  code: string
  offset: number
  text: string
}

/** What is proven once it has passed. Offsets and sizes in bytes of the stream, times in µs since the start. */
export type StreamRecord =
  | { kind: 'head'; offset: number; size: number; head: Head }
  | {
      kind: 'frame'
      offset: number
      size: number
      bodyOffset: number
      bodySize: number
      head: Head
      seal: Seal
      hash: string
      proven: boolean
    }
  | { kind: 'gap'; offset: number; size: number; gap: Gap; hash: string; proven: boolean }
  | { kind: 'end'; offset: number; size: number; end: End; hash: string; proven: boolean }

export interface VerifyReport {
  /** No problem, no gap, and an END. */
  whole: boolean
  recording?: string
  stream?: StreamName
  signedBy?: { agent: string; host: string; key: string; until: number }
  farm?: string
  frames: number
  bytes: number
  sealedBytes: number
  rawBytes: number
  startWallMs?: number
  endUs: number
  gaps: { fromUs: number; toUs: number; reason: GapReason; bytes?: number }[]
  end?: { reason: End['reason']; exit?: number; signal?: number }
  /** Bytes after the last SEAL, GAP or END: nothing proves them. */
  unproven?: { offset: number; bytes: number }
  problems: Problem[]
}

export function endOf(end: End): NonNullable<VerifyReport['end']> {
  return {
    reason: end.reason,
    ...(end.exit !== undefined && { exit: end.exit }),
    ...(end.signal !== undefined && { signal: end.signal }),
  }
}
