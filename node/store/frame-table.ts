import type { GapReason } from '../../format/records.ts'
import type { StreamRecord } from '../../format/verify-report.ts'

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
  reason?: GapReason | string
}

export interface FrameTable {
  size: number
  frames: FrameEntry[]
}

/** Collects what a StreamVerifier gives out. The frame that is being written comes last, as not sealed. */
export class FrameTableBuilder {
  readonly #frames: FrameEntry[] = []
  #open: FrameEntry | undefined

  add(record: StreamRecord): void {
    const { offset, size } = record
    if (record.kind === 'head') {
      const { start, wall } = record.head
      const bodyOffset = offset + size
      this.#open = {
        kind: 'frame',
        offset,
        size,
        bodyOffset,
        startUs: start,
        endUs: start,
        wallMs: wall,
        sealed: false,
      }
      return
    }
    this.#open = undefined
    if (record.kind === 'frame') {
      const { head, seal, bodyOffset, bodySize, proven } = record
      this.#frames.push({
        kind: 'frame',
        offset,
        size,
        bodyOffset,
        bodySize,
        startUs: head.start,
        endUs: seal.end,
        wallMs: head.wall,
        rawBytes: seal.raw,
        sealed: proven,
      })
    } else if (record.kind === 'gap') {
      const { from, to, reason } = record.gap
      this.#frames.push({
        kind: 'gap',
        offset,
        size,
        startUs: from,
        endUs: to,
        sealed: record.proven,
        reason,
      })
    } else {
      const { end, reason } = record.end
      this.#frames.push({
        kind: 'end',
        offset,
        size,
        startUs: end,
        endUs: end,
        sealed: record.proven,
        reason,
      })
    }
  }

  /** `size` = bytes of the stream that are there. */
  table(size: number): FrameTable {
    const frames = [...this.#frames]
    const open = this.#open
    if (open?.bodyOffset !== undefined && size > open.offset)
      frames.push({ ...open, size: size - open.offset, bodySize: Math.max(0, size - open.bodyOffset) })
    return { size, frames }
  }
}
