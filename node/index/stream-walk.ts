import type { IndexedFrame } from '../../format/index-records.ts'
import type { Facts, StreamName } from '../../format/records.ts'
import { StreamVerifier } from '../../format/stream-verifier.ts'
import type { StreamRecord } from '../../format/verify-report.ts'
import { entryOf } from '../store/frame-table.ts'
import { scanStream } from '../store/scan-stream.ts'
import type { StorePlace } from '../store/store-place.ts'
import { type IndexTools, readWhole } from './index-tools.ts'

/** Finds a stream's frames, gaps and end as far as they are sealed, checking them from the first byte on. */
export class StreamWalk {
  readonly stream: StreamName
  readonly #tools: IndexTools
  readonly #place: StorePlace
  readonly #verifier: StreamVerifier
  #walked = 0
  #found: IndexedFrame[] = []
  #facts: Facts | undefined

  constructor(tools: IndexTools, place: StorePlace, stream: StreamName) {
    this.#tools = tools
    this.#place = place
    this.stream = stream
    this.#verifier = new StreamVerifier(tools.farmKey, tools.crypto)
  }

  /** What frame 0 says of the session, once that has passed. */
  get facts(): Facts | undefined {
    return this.#facts
  }

  /**
   * Goes on to `sealed`, which is a boundary between parts, or the end of a file that nobody writes: then it cannot go
   * on from there. Rejects with StoreError.
   */
  async walk(sealed: number): Promise<void> {
    if (sealed <= this.#walked) return
    const { store } = this.#tools
    const read = (offset: number, length: number) =>
      readWhole(store, this.#place, this.stream, offset, offset + length)
    await scanStream(read, sealed, this.#verifier, (records) => this.#note(records), this.#walked)
    this.#walked = sealed
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
