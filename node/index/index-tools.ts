import { rawFrameBytesMax, tryInflate } from '../../codec/zstd.ts'
import { concatBytes } from '../../format/bytes.ts'
import type { Mac } from '../../format/index-block.ts'
import type { Crypto } from '../../format/ports.ts'
import type { StreamName } from '../../format/records.ts'
import type { ScreenImages } from '../../screen/screen-images.ts'
import type { Store } from '../store/store.ts'
import type { StorePlace } from '../store/store-place.ts'
import type { IndexTables } from './index-tables.ts'

/** What all that makes an index works with. */
export interface IndexTools {
  store: Store
  mac: Mac
  /** Of indexes that are looked at, not made. */
  tables: IndexTables
  farmKey: Uint8Array
  crypto: Crypto
  images: ScreenImages
  /** Processor time of this thread, ms. */
  cpuMs(): number
  /** Does work that recorded bytes could make endless where somebody would end it. */
  guarded<T>(recording: string, work: () => T | Promise<T>): Promise<T>
}

/** Bytes [from, to) of a stream in one piece. Rejects with StoreError. */
export async function readWhole(
  store: Store,
  place: StorePlace,
  stream: StreamName,
  from: number,
  to: number,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const bytes of store.readRange(place, stream, from, to)) pieces.push(bytes)
  return pieces.length === 1 ? pieces[0]! : concatBytes(pieces)
}

/** A frame's content; `undefined` where it does not decode, or to more than its SEAL says. */
export function inflated(body: Uint8Array, rawBytes: number): Uint8Array | undefined {
  return rawBytes === 0 ? new Uint8Array(0) : tryInflate(body, Math.min(rawBytes + 1, rawFrameBytesMax))
}
