import type { StreamName } from '../../format/records.ts'
import type { DrawnFacts } from './drawn-facts.ts'

// What the node's thread and the indexer's say to each other.

export interface IndexWorkerData {
  folders: string[]
  restore?: string
  farm: string
  farmKey: Uint8Array
  /** See `indexKey`. */
  macKey: Uint8Array
}

/** A screen to be drawn now: of a session that runs, or of a recording without a poster. */
export interface DrawRequest extends DrawnFacts {
  recording: string
  /** What is shown of it. */
  stream: StreamName
  /** Bytes of that stream that can be read. */
  size: number
}

export interface DrawnImage {
  type: string
  bytes: Uint8Array
}

export type IndexRequest =
  /** So much of a stream that comes in here is sealed. */
  | { type: 'sealed'; recording: string; stream: StreamName; bytes: number }
  /** A recording that nobody writes: what is missing of its index, or `again` all of it. */
  | { type: 'build'; recording: string; again: boolean }
  | { type: 'draw'; id: number; draw: DrawRequest }
  | { type: 'close' }

export type IndexReply =
  /** `done`: it has the end of the recording. */
  | { type: 'built'; recording: string; done: boolean; error?: { code: string; text: string } }
  | { type: 'drawn'; id: number; image?: DrawnImage }
  /** Before work that recorded bytes could make endless, and, without a recording, after it. */
  | { type: 'guarded'; recording?: string }
  | { type: 'trouble'; recording: string; code: string; text: string }
  | { type: 'closed' }
