import type { IndexedFrame } from '../../format/index-records.ts'
import type { Facts, StreamName } from '../../format/records.ts'
import { StreamVerifier } from '../../format/stream-verifier.ts'
import type { StreamRecord } from '../../format/verify-report.ts'
import { entryOf } from '../store/frame-table.ts'
import { StreamScan } from '../store/scan-stream.ts'
import type { StorePlace } from '../store/store-place.ts'
import { type IndexTools, readWhole } from './index-tools.ts'

/** Read in one turn: others have theirs. */
const turnBytes = 64 * 1024 * 1024

/** Finds a stream's frames, gaps and end as far as they are sealed, checking them from the first byte on. */
export class StreamWalk {
  readonly stream: StreamName
  readonly #scan: StreamScan
  #sealed = 0
  #found: IndexedFrame[] = []
  #facts: Facts | undefined

  constructor({ store, farmKey, crypto }: IndexTools, place: StorePlace, stream: StreamName) {
    this.stream = stream
    const read = (offset: number, length: number) => readWhole(store, place, stream, offset, offset + length)
    this.#scan = new StreamScan(read, new StreamVerifier(farmKey, crypto), (records) => this.#note(records))
  }

  /** What frame 0 says of the session, once that has passed. */
  get facts(): Facts | undefined {
    return this.#facts
  }

  /** `sealed` is a boundary between parts, or the end of a file that nobody writes: then it cannot go on from there. */
  know(sealed: number): void {
    this.#sealed = Math.max(this.#sealed, sealed)
  }

  /** Reads on; false when all that is known was read. Rejects with StoreError. */
  walk(): Promise<boolean> {
    return this.#scan.walk(this.#sealed, turnBytes)
  }

  /** The next part that was found. */
  take(): IndexedFrame | undefined {
    return this.#found.shift()
  }

  #note(records: StreamRecord[]): void {
    for (const record of records) {
      if (record.kind === 'head') this.#facts ??= record.head.facts
      else this.#found.push({ stream: this.stream, ...entryOf(record) })
    }
  }
}
