import type { FrameTable } from '../../format/frame-entry.ts'
import type { Activity, ImageFacts, PictureFacts } from '../../format/index-records.ts'
import type { TimelineEvent } from '../../format/timeline.ts'
import type { Segment } from './segment.ts'

/** What is known of a recording without reading it: see format/INDEX.md. Places are in the index. */
export interface StoredIndex {
  /** `ready`, `waits` while it is being made, else it is not there. */
  state: string
  /** Of the timeline. */
  coveredBytes: number
  activity: (Activity & { offset: number })[]
  pictures: (PictureFacts & { at: number })[]
  images: (ImageFacts & { at: number })[]
}

/** Where a recording's timeline comes from: a server, or a file of the reviewer's. Rejects with ApiError. */
export interface StoredStream {
  table(signal: AbortSignal): Promise<FrameTable>
  /** A closed frame's events. Rejects with FormatError, too, where it is damaged. */
  events(segment: Segment, signal: AbortSignal): Promise<TimelineEvent[]>
  /** Stored bytes, to be read as a tail; fewer where it ends earlier. */
  bytes(from: number, to: number, signal: AbortSignal): Promise<Uint8Array>
  /** Where there can be none: `undefined`. */
  index?(signal: AbortSignal): Promise<StoredIndex>
  /** A picture or an image of the index. */
  indexBlock?(at: number, signal: AbortSignal): Promise<Uint8Array>
  /** The address of an image of the index. */
  indexUrl?(at: number): string
}
