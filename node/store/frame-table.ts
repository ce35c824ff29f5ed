import type { FrameEntry, FrameTable } from '../../format/frame-entry.ts'
import type { StreamRecord } from '../../format/verify-report.ts'

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
    this.#frames.push(entryOf(record))
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

/** The entry of what is sealed. */
export function entryOf(record: Exclude<StreamRecord, { kind: 'head' }>): FrameEntry {
  const { offset, size, proven: sealed } = record
  if (record.kind === 'gap') {
    const { from: startUs, to: endUs, reason } = record.gap
    return { kind: 'gap', offset, size, startUs, endUs, sealed, reason }
  }
  if (record.kind === 'end') {
    const { end, reason } = record.end
    return { kind: 'end', offset, size, startUs: end, endUs: end, sealed, reason }
  }
  const { head, seal, bodyOffset, bodySize } = record
  return {
    ...{ kind: 'frame', offset, size, bodyOffset, bodySize, sealed },
    ...{ startUs: head.start, endUs: seal.end, wallMs: head.wall, rawBytes: seal.raw },
  }
}
