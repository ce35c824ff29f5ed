import type { FrameTable } from '../../format/frame-entry.ts'
import type { Activity, ImageFacts, PictureFacts } from '../../format/index-records.ts'
import type { StreamName } from '../../format/records.ts'
import type { TimelineEvent } from '../../format/timeline.ts'
import type { Segment } from './segment.ts'

// Where a recording comes from: a server, or a file of the reviewer's. All of it rejects with ApiError.

export interface StoredStream {
  readonly name: StreamName
  table(signal: AbortSignal): Promise<FrameTable>
  /** Stored bytes; fewer where it ends earlier. */
  bytes(from: number, to: number, signal: AbortSignal): Promise<Uint8Array>
}

export interface StoredTimeline extends StoredStream {
  /** A closed frame's events. Rejects with FormatError, too, where it is damaged. */
  events(segment: Segment, signal: AbortSignal): Promise<TimelineEvent[]>
}

/** What is known of a recording without reading it: see format/INDEX.md. Places are in the index. */
export interface IndexAnswer {
  /** `ready`, `waits` while it is being made, else it is not there. */
  state: string
  /** Of the stream that is shown. */
  coveredBytes: number
  activity: (Activity & { offset: number })[]
  pictures: (PictureFacts & { at: number })[]
  images: (ImageFacts & { at: number })[]
}

export interface StoredIndex {
  answer(signal: AbortSignal): Promise<IndexAnswer>
  /** A picture or an image. */
  block(at: number, signal: AbortSignal): Promise<Uint8Array>
  /** The address of an image. */
  url(at: number): string
}

/** A desktop has a screen, and on a server a timeline too. */
export interface StoredRecording {
  timeline?: StoredTimeline
  screen?: StoredStream
  index?: StoredIndex
}
