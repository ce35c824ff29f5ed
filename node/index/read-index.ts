import { concatBytes, equalBytes } from '../../format/bytes.ts'
import { FormatError } from '../../format/format-error.ts'
import {
  decodeIndexBlock,
  encodeIndexBlock,
  type IndexBlock,
  indexBlockBytesMax,
  indexVersion,
  type Mac,
  macBytes,
} from '../../format/index-block.ts'
import type { IndexTable } from '../../format/index-records.ts'
import type { Store } from '../store/store.ts'
import { recordingOf, type StorePlace } from '../store/store-place.ts'
import { jsonOf } from './index-scan.ts'

// An index is read as it is found: none, short, damaged or of another version, what is good of it counts, and the recording
// itself shows the rest.

/** Places in a trailer have fixed digits, so that its size is known. */
const placeDigits = 15
/** Where the table and the poster are; 0 for none. */
export function trailerFacts(table: number, poster: number): { table: string; poster: string } {
  const fixed = (at: number) => String(at).padStart(placeDigits, '0')
  return { table: fixed(table), poster: fixed(poster) }
}

const noTrailer = { kind: 'trailer', facts: trailerFacts(0, 0) } as const
const trailerBytes = encodeIndexBlock('', 0, noTrailer, () => new Uint8Array(macBytes)).length

/** The poster of a recording whose index is finished; `undefined` where there is none. Rejects with StoreError. */
export async function readPoster(store: Store, place: StorePlace, mac: Mac): Promise<IndexBlock | undefined> {
  const trailer = await readTrailer(store, place, mac, (await store.size(place, 'idx')) ?? 0)
  const at = Number(trailer?.facts.poster ?? 0)
  return at > 0 ? readIndexBlock(store, place, mac, at) : undefined
}

/** The block at `at` with its body; `undefined` where there is no good one. Rejects with StoreError. */
export async function readIndexBlock(
  store: Store,
  place: StorePlace,
  mac: Mac,
  at: number,
): Promise<IndexBlock | undefined> {
  const pieces: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const piece of store.readRange(place, 'idx', at, at + indexBlockBytesMax)) {
      pieces.push(piece)
      bytes += piece.length
      if (bytes < whole(pieces)) continue
      return decodeIndexBlock(recordingOf(place), at, concatBytes(pieces), mac)
    }
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
  }
  return undefined
}

/** The table of a finished index, and what tells it from others; `undefined` where it is not finished. Rejects with StoreError. */
export async function readFinished(
  store: Store,
  place: StorePlace,
  mac: Mac,
  known?: { table: IndexTable; mac: Uint8Array },
): Promise<{ table: IndexTable; mac: Uint8Array } | undefined> {
  const trailer = await readTrailer(store, place, mac, (await store.size(place, 'idx')) ?? 0)
  if (!trailer) return undefined
  if (known && equalBytes(known.mac, trailer.mac)) return known
  const block = await readIndexBlock(store, place, mac, Number(trailer.facts.table))
  if (block?.kind !== 'table' || block.facts.v !== indexVersion) return undefined
  return { table: (await jsonOf(block)) as unknown as IndexTable, mac: trailer.mac }
}

async function readTrailer(
  store: Store,
  place: StorePlace,
  mac: Mac,
  size: number,
): Promise<IndexBlock | undefined> {
  if (size < trailerBytes) return undefined
  const block = await readIndexBlock(store, place, mac, size - trailerBytes)
  return block?.kind === 'trailer' ? block : undefined
}

// What the first bytes of a block say of its size; more than there are while there are too few.
function whole(pieces: Uint8Array[]): number {
  const [first] = pieces
  if (!first || first.length < 8) return 8
  return new DataView(first.buffer, first.byteOffset).getUint32(4, true) + 8
}
