import { zstdCompressSync } from 'node:zlib'
import type { DurableFile } from '../../disk/durable-file.ts'
import { utf8 } from '../../format/bytes.ts'
import { type BlockKind, encodeIndexBlock, indexVersion, type Mac } from '../../format/index-block.ts'
import {
  type Activity,
  emptyTable,
  type ImageFacts,
  type IndexedFrame,
  type IndexTable,
  type PictureFacts,
} from '../../format/index-records.ts'
import type { StreamName } from '../../format/records.ts'
import type { Store } from '../store/store.ts'
import { recordingOf, type StorePlace } from '../store/store-place.ts'
import { IndexScan, scanIndex } from './index-scan.ts'
import { trailerFacts } from './read-index.ts'

/**
 * An index that grows. It is always a file of this writer's own: what is good of the one before is copied first, so that
 * a node that was taken over, or another that builds the same, writes into a file that nobody reads any more.
 */
export class IndexWriter {
  readonly table: IndexTable
  readonly #file: DurableFile
  readonly #recording: string
  readonly #mac: Mac
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #offset: number

  private constructor(file: DurableFile, recording: string, mac: Mac, table: IndexTable) {
    this.#file = file
    this.#recording = recording
    this.#mac = mac
    this.#offset = file.size
    this.table = table
  }

  /** `again`: from the beginning, whatever there is. Rejects with StoreError. */
  static async open(store: Store, place: StorePlace, mac: Mac, again: boolean): Promise<IndexWriter> {
    const recording = recordingOf(place)
    const there = !again && (await store.size(place, 'idx')) !== undefined
    const { table, goodBytes } = there ? await scanIndex(store, place, mac) : new IndexScan()
    const begin = () => encodeIndexBlock(recording, 0, { kind: 'begin', facts: { v: indexVersion } }, mac)
    const content = table ? store.readRange(place, 'idx', 0, goodBytes) : once(begin())
    const file = await store.freshIndex(place, content)
    return new IndexWriter(file, recording, mac, table ?? emptyTable())
  }

  picture(facts: PictureFacts, written: Uint8Array): void {
    this.table.pictures.push({ ...facts, ...this.#add('picture', facts, zstdCompressSync(written)) })
  }

  frame(facts: IndexedFrame, activity: Activity | undefined): void {
    this.table.frames.push({ ...facts, ...(activity && { activity }) })
    const body = activity && zstdCompressSync(utf8(JSON.stringify({ activity })))
    this.#add('frame', facts, body)
  }

  image(facts: ImageFacts, bytes: Uint8Array): void {
    this.table.images.push({ ...facts, ...this.#add('image', facts, bytes) })
  }

  /** The table of everything, for who reads a recording that has ended. */
  finish(sizes: Partial<Record<StreamName, number>>): void {
    this.table.sizes = sizes
    const body = zstdCompressSync(utf8(JSON.stringify(this.table)))
    const { at } = this.#add('table', { v: indexVersion }, body)
    const poster = this.table.images.findLast(({ use }) => use === 'poster')
    this.#add('trailer', trailerFacts(at, poster?.at ?? 0))
  }

  /** Added since the last flush. */
  get waitingBytes(): number {
    return this.#waitingBytes
  }

  /** Writes what was added since the last call. Rejects with the system's error; the writer is then of no use. */
  async flush(): Promise<void> {
    if (this.#waiting.length === 0) return
    const pieces = this.#waiting
    this.#waiting = []
    this.#waitingBytes = 0
    await this.#file.write(pieces, this.#file.size)
  }

  close(): Promise<void> {
    return this.#file.close()
  }

  #add(kind: BlockKind, facts: object, body?: Uint8Array): { at: number; size: number } {
    const at = this.#offset
    const bytes = encodeIndexBlock(this.#recording, at, { kind, facts, ...(body && { body }) }, this.#mac)
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
    this.#offset += bytes.length
    return { at, size: bytes.length }
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
