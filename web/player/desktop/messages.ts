// What the page and the worker that paints desktops say to each other.

/**
 * shown: what the player shows. preview: the picture under the pointer. scan: nothing is painted, only what happened is
 * told.
 */
export type Lane = 'shown' | 'preview' | 'scan'

/** A frame of the screen's stream, as far as it is there. */
export interface FrameRef {
  offset: number
  bodyOffset: number
  /** Stored bytes of its BODY. */
  bodySize: number
  /** It has its SEAL, which says the rest. */
  closed: boolean
  rawBytes: number
  startUs: number
  endUs: number
}

export interface DrawRequest {
  kind: 'draw'
  id: number
  lane: Lane
  frame: FrameRef
  untilUs: number
  /** For the lane `preview`: pixels across. */
  width?: number
}

/** Part of a picture: rows of four bytes a pixel. */
export interface Paint {
  x: number
  y: number
  width: number
  height: number
  pixels: ArrayBuffer
}

export interface Drawn {
  /** A later request of the lane came before this one was done. */
  stale: boolean
  /** Time of the last update that is in the picture. */
  atUs: number
  /** When the next one of this frame comes, where it is known. */
  nextUs?: number
  /** Of the screen, in pixels; what of it changed. */
  width: number
  height: number
  paint?: Paint
  preview?: ImageBitmap
  /** What happened, in pairs of ms and bytes. */
  moments: Float64Array
  /** What breaks the rules from `fromUs` on, and that it is so. */
  damage?: { fromUs: number; text: string }
}

export type ToWorker =
  | DrawRequest
  /** Stored bytes that were asked for, at least one; without, they cannot be had. */
  | { kind: 'bytes'; id: number; bytes?: Uint8Array }
  /** A paint's memory, to be used again. */
  | { kind: 'spare'; pixels: ArrayBuffer }

export type FromWorker =
  | { kind: 'drawn'; id: number; drawn: Drawn }
  /** Bytes of a frame's BODY are wanted; `id` is of this question. */
  | { kind: 'pull'; id: number; draw: number; from: number }
  /** Something that no recording explains: a bug. */
  | { kind: 'failed'; id: number; text: string }
