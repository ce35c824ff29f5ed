import { inflateFrame } from '../../codec/zstd.ts'
import { equalBytes, textOf } from '../../format/bytes.ts'
import { FormatError } from '../../format/format-error.ts'
import { type IndexBlock, IndexScanner, indexVersion, type Mac } from '../../format/index-block.ts'
import {
  emptyTable,
  type ImageFacts,
  type IndexedFrame,
  type IndexTable,
  type PictureFacts,
} from '../../format/index-records.ts'
import type { Store } from '../store/store.ts'
import { recordingOf, type StorePlace } from '../store/store-place.ts'

/** As one block of a frame that is larger; the table of a recording of gigabytes. */
const tableBytesMax = 64 * 1024 * 1024

/** What was read of an index block by block, and is read on where the index has grown. */
export class IndexScan {
  /** `undefined` where there is none that this version can use. */
  table: IndexTable | undefined
  /** Up to here it can be written on: behind what a frame, an image or the beginning has ended. */
  goodBytes = 0
  #pictures: IndexTable['pictures'] = []
  #last: { at: number; mac: Uint8Array } | undefined
  #isDamaged = false

  /** Reads what is new; false where the index is another one by now. Rejects with StoreError. */
  async readOn(store: Store, place: StorePlace, mac: Mac): Promise<boolean> {
    if (this.#isDamaged) return false
    const from = this.#last?.at ?? 0
    const scanner = new IndexScanner(recordingOf(place), mac, from)
    let isKnown = this.#last === undefined
    try {
      for await (const bytes of store.readRange(place, 'idx', from, Number.POSITIVE_INFINITY))
        for (const block of scanner.push(bytes)) {
          if (isKnown && !(await this.#take(block))) return true
          isKnown ||= equalBytes(block.mac, this.#last!.mac)
          if (!isKnown) return false
        }
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      this.#isDamaged = true
    }
    return isKnown
  }

  // False: nothing of it can be used.
  async #take(block: IndexBlock): Promise<boolean> {
    const { kind, offset: at, size, facts } = block
    if (!this.table && (kind !== 'begin' || facts.v !== indexVersion)) {
      this.#isDamaged = true
      return false
    }
    this.table ??= emptyTable()
    this.#last = { at, mac: block.mac }
    const { table } = this
    if (kind === 'picture') this.#pictures.push({ ...(facts as unknown as PictureFacts), at, size })
    if (kind === 'image') table.images.push({ ...(facts as unknown as ImageFacts), at, size })
    if (kind === 'frame') {
      table.frames.push({ ...(facts as unknown as IndexedFrame), ...(await jsonOf(block)) })
      // Pictures count once the frame they belong to does.
      table.pictures.push(...this.#pictures)
      this.#pictures = []
    }
    // Table and trailer are of what was there: who writes on writes them anew.
    if (kind === 'begin' || kind === 'frame' || kind === 'image') this.goodBytes = at + size
    return true
  }
}

/** Reads the whole index. Rejects with StoreError. */
export async function scanIndex(store: Store, place: StorePlace, mac: Mac): Promise<IndexScan> {
  const scan = new IndexScan()
  await scan.readOn(store, place, mac)
  return scan
}

export async function jsonOf({ body }: IndexBlock): Promise<Record<string, unknown>> {
  if (body.length === 0) return {}
  return JSON.parse(textOf(await inflateFrame(body, tableBytesMax)) ?? '{}')
}
