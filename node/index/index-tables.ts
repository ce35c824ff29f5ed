import type { Mac } from '../../format/index-block.ts'
import type { IndexTable } from '../../format/index-records.ts'
import type { Store } from '../store/store.ts'
import type { StorePlace } from '../store/store-place.ts'
import { IndexScan } from './index-scan.ts'
import { readFinished } from './read-index.ts'

/** Frames and pictures of all that is kept, some hundred bytes each. */
const entriesMax = 200_000

interface Kept {
  scan: IndexScan
  finished: Awaited<ReturnType<typeof readFinished>>
  entries: number
  /** The look before: two do not read on at once. */
  before: Promise<unknown>
}

/** Tables of indexes. What a look has read the next one does not read again: an index that grows is read on. */
export class IndexTables {
  readonly #store: Store
  readonly #mac: Mac
  readonly #kept = new Map<string, Kept>()

  constructor(store: Store, mac: Mac) {
    this.#store = store
    this.#mac = mac
  }

  /**
   * `undefined` where there is no index, or none that this version can use. The table of one that grows gets longer with
   * later looks. Rejects with StoreError.
   */
  read(place: StorePlace): Promise<IndexTable | undefined> {
    const key = `${place.store}/${place.path}`
    const kept = this.#kept.get(key) ?? fresh()
    this.#kept.delete(key)
    this.#kept.set(key, kept)
    const reading = kept.before.then(() => this.#read(place, key, kept))
    kept.before = reading.catch(() => undefined)
    return reading
  }

  async #read(place: StorePlace, key: string, kept: Kept): Promise<IndexTable | undefined> {
    if ((await this.#store.size(place, 'idx')) === undefined) {
      this.#kept.delete(key)
      return undefined
    }
    kept.finished = await readFinished(this.#store, place, this.#mac, kept.finished)
    if (kept.finished) kept.scan = new IndexScan()
    else if (!(await kept.scan.readOn(this.#store, place, this.#mac))) {
      kept.scan = new IndexScan()
      await kept.scan.readOn(this.#store, place, this.#mac)
    }
    const table = kept.finished?.table ?? kept.scan.table
    kept.entries = (table?.frames.length ?? 0) + (table?.pictures.length ?? 0)
    this.#forget()
    return table
  }

  #forget(): void {
    let entries = 0
    for (const [key, kept] of [...this.#kept].reverse()) {
      // Those that have nothing are held for nothing.
      entries += kept.entries + 1
      if (entries > entriesMax) this.#kept.delete(key)
    }
  }
}

function fresh(): Kept {
  return { scan: new IndexScan(), finished: undefined, entries: 0, before: Promise.resolve() }
}
