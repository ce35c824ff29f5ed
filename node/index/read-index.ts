import { inflateFrame } from '../../codec/zstd.ts'
import { concatBytes, textOf } from '../../format/bytes.ts'
import { FormatError } from '../../format/format-error.ts'
import {
  decodeIndexBlock,
  encodeIndexBlock,
  type IndexBlock,
  IndexScanner,
  indexBlockBytesMax,
  indexVersion,
  type Mac,
  macBytes,
} from '../../format/index-block.ts'
import {
  emptyTable,
  type ImageFacts,
  type IndexedFrame,
  type IndexTable,
  type PictureFacts,
} from '../../format/index-records.ts'
import type { Store } from '../store/store.ts'
import type { StorePlace } from '../store/store-place.ts'

// An index is read as it is found: none, short, damaged or of another version, what is good of it counts, and the recording
// itself shows the rest.

/** Places in a trailer have fixed digits, so that its size is known. */
const placeDigits = 15
/** As one block of a frame that is larger; the table of a recording of gigabytes. */
const tableBytesMax = 64 * 1024 * 1024

/** Where the table and the poster are; 0 for none. */
export function trailerFacts(table: number, poster: number): { table: string; poster: string } {
  const fixed = (at: number) => String(at).padStart(placeDigits, '0')
  return { table: fixed(table), poster: fixed(poster) }
}

const noTrailer = { kind: 'trailer', facts: trailerFacts(0, 0) } as const
const trailerBytes = encodeIndexBlock('', 0, noTrailer, () => new Uint8Array(macBytes)).length

export function recordingOf(place: StorePlace): string {
  return place.path.slice(-36)
}

/** `undefined` where there is no index, or none that this version can use. Rejects with StoreError. */
export async function readIndexTable(
  store: Store,
  place: StorePlace,
  mac: Mac,
): Promise<IndexTable | undefined> {
  const size = await store.size(place, 'idx')
  if (size === undefined) return undefined
  return (await readFinished(store, place, mac, size)) ?? (await scanIndex(store, place, mac)).table
}

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

export interface ScannedIndex {
  table: IndexTable | undefined
  /** Up to here it can be written on: behind what a frame, an image or the beginning has ended. */
  goodBytes: number
}

/** Reads the whole index. Rejects with StoreError. */
export async function scanIndex(store: Store, place: StorePlace, mac: Mac): Promise<ScannedIndex> {
  const scanner = new IndexScanner(recordingOf(place), mac)
  let table: IndexTable | undefined
  let goodBytes = 0
  let pictures: IndexTable['pictures'] = []
  try {
    for await (const bytes of store.readRange(place, 'idx', 0, Number.POSITIVE_INFINITY))
      for (const block of scanner.push(bytes)) {
        const { kind, offset: at, size, facts } = block
        if (!table && (kind !== 'begin' || facts.v !== indexVersion))
          return { table: undefined, goodBytes: 0 }
        table ??= emptyTable()
        if (kind === 'picture') pictures.push({ ...(facts as unknown as PictureFacts), at, size })
        if (kind === 'image') table.images.push({ ...(facts as unknown as ImageFacts), at, size })
        if (kind === 'frame') {
          table.frames.push({ ...(facts as unknown as IndexedFrame), ...(await jsonOf(block)) })
          // Pictures count once the frame they belong to does.
          table.pictures.push(...pictures)
          pictures = []
        }
        // Table and trailer are of what was there: who writes on writes them anew.
        if (kind === 'begin' || kind === 'frame' || kind === 'image') goodBytes = at + size
      }
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
  }
  return { table, goodBytes }
}

// A finished index ends with a table of what is in it.
async function readFinished(
  store: Store,
  place: StorePlace,
  mac: Mac,
  size: number,
): Promise<IndexTable | undefined> {
  const trailer = await readTrailer(store, place, mac, size)
  if (!trailer) return undefined
  const block = await readIndexBlock(store, place, mac, Number(trailer.facts.table))
  if (block?.kind !== 'table' || block.facts.v !== indexVersion) return undefined
  return (await jsonOf(block)) as unknown as IndexTable
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

async function jsonOf({ body }: IndexBlock): Promise<Record<string, unknown>> {
  if (body.length === 0) return {}
  return JSON.parse(textOf(await inflateFrame(body, tableBytesMax)) ?? '{}')
}

// What the first bytes of a block say of its size; more than there are while there are too few.
function whole(pieces: Uint8Array[]): number {
  const [first] = pieces
  if (!first || first.length < 8) return 8
  return new DataView(first.buffer, first.byteOffset).getUint32(4, true) + 8
}
