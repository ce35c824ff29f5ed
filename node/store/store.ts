import type { StreamName } from '../../format/records.ts'
import type { FrameTable } from './frame-table.ts'
import type { StorePlace } from './store-place.ts'

export interface StoreOptions {
  /** Folders made by `makeStoreFolder`; used in turn. Nothing is ever written where the identity file is missing. */
  folders: string[]
  /** Searched when a file is not where its place says. */
  restore?: string
  /** Farm id; a folder of another farm is refused. */
  farm: string
  /** Raw Ed25519 key of the farm and the crypto to check signatures with, for frame tables. */
  farmKey: Uint8Array
  crypto: import('../../format/ports.ts').Crypto
}

export interface StoreFolderStatus {
  path: string
  /** Absent until the folder has been found. */
  store?: string
  /** Absent when all is well, else why not: StoreError's code and text. */
  error?: { code: string; text: string }
}

/** All methods reject with StoreError (code, hint) when the store cannot do it now. */
export interface Store {
  /** Where the recording lies already, else the next folder in turn. */
  place(recording: string): Promise<StorePlace>
  /** Bytes of a stream; `undefined` when it has no file. */
  size(place: StorePlace, stream: StreamName): Promise<number | undefined>
  /** Bytes [from, to) in pieces; ends early where the file ends. Throws `not-found`. */
  readRange(
    place: StorePlace,
    stream: StreamName,
    from: number,
    to: number,
    signal?: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, undefined>
  /** Read from the file; for a stream that is live here ask `Ingest.frames` first. */
  frames(place: StorePlace, stream: StreamName): Promise<FrameTable>
  /** All files of the recording. Idempotent. */
  remove(place: StorePlace): Promise<void>
  /** Writes `<id>.farm` from `encodeLost()`, exclusively; false when there is one. */
  markLost(place: StorePlace, mark: Uint8Array): Promise<boolean>
  /** The agent came back. Idempotent. */
  withdrawLost(place: StorePlace): Promise<void>
  /** Looks at every folder now. */
  check(): Promise<StoreFolderStatus[]>
  close(): Promise<void>
}

export declare function openStore(options: StoreOptions): Promise<Store>
