import type { FrameEntry } from './frame-entry.ts'
import type { StreamName } from './records.ts'

// What the blocks of an index say: INDEX.md, "Blocks". They are read only behind a good digest, so their shape is not
// checked again: who wrote them is who reads them.

/** A part of a stream, as its verifier found it. */
export interface IndexedFrame extends FrameEntry {
  stream: StreamName
  /** Output of it, or of a frame before, is in no picture, and no picture follows. Of a desktop: it was not painted to its end. */
  undrawn?: true
  /** A desktop's content from here on broke the rules, and is passed over up to the next frame. */
  refused?: { timeUs: number; code: string }
  /** Of its screens that rested, and the one behind it, the last of those that show most: cells that are not blank. */
  fullest?: { timeUs: number; cells: number }
}

/** How much was put out, `everyUs` by `everyUs`: pairs of how many of these stretches passed without, and how much came then. */
export interface Activity {
  everyUs: number
  counts: number[]
}

/** A terminal's picture before the event `event` of the frame at `frame`; nothing it shows is later than `timeUs`. */
export interface PictureFacts {
  frame: number
  event: number
  timeUs: number
  rawBytes: number
}

/** A poster, or a strip of thumbnails: `columns` beside each other, row by row, each `width` x `height` pixels. */
export interface ImageFacts {
  use: 'poster' | 'strip'
  type: 'image/webp'
  width: number
  height: number
  columns: number
  timesUs: number[]
}

/** A block of the index that is fetched by itself. */
export interface BlockPlace {
  at: number
  size: number
}

/** Everything that an index has, but for the bodies of pictures and images. */
export interface IndexTable {
  frames: (IndexedFrame & { activity?: Activity })[]
  pictures: (PictureFacts & BlockPlace)[]
  images: (ImageFacts & BlockPlace)[]
  /** Bytes of the streams that were whole when the index was finished. */
  sizes: Partial<Record<StreamName, number>>
}

export function emptyTable(): IndexTable {
  return { frames: [], pictures: [], images: [], sizes: {} }
}

/** The stream that is looked at: a desktop's is its screen. */
export function shownStream({ frames }: IndexTable): StreamName {
  return frames.some(({ stream }) => stream === 'rfb') ? 'rfb' : 'cast'
}

/** Up to where a stream is indexed. */
export function coveredBytes({ frames }: IndexTable, stream: StreamName): number {
  const last = frames.findLast((frame) => frame.stream === stream)
  return last ? last.offset + last.size : 0
}
