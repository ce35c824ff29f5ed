import { type FbsBlock, FbsReader } from '../../../format/fbs.ts'
import { FormatError } from '../../../format/format-error.ts'
import { Inflater } from './inflater.ts'

/** What a screen's frame decodes to: FORMAT.md, "Limits for readers". */
const rawBytesMax = 256 * 1024 * 1024

/** The blocks of one frame, out of its stored bytes as they come; never more of it is held than a block. */
export class FrameBlocks {
  readonly #inflater = new Inflater()
  readonly #reader: FbsReader
  /** `undefined` while it has no SEAL. */
  #rawBytes: number | undefined
  #raw = 0
  #blocks: Generator<FbsBlock> | undefined

  /** `first`: the recording's first, which begins with the header. */
  constructor(options: { first: boolean }) {
    this.#reader = new FbsReader({ headerExpected: options.first })
  }

  /** All that was pushed before must have been taken. */
  push(bytes: Uint8Array, rawBytes: number | undefined): void {
    this.#rawBytes = rawBytes
    this.#blocks = this.#read(bytes)
  }

  /** The next block, valid until the next call; `undefined` when more bytes are needed. Throws FormatError. */
  next(): FbsBlock | undefined {
    const next = this.#blocks?.next()
    return next?.done ? undefined : next?.value
  }

  /** Nothing comes any more. Throws FormatError where that is too early. */
  finish(): void {
    if (!this.#inflater.isWhole || this.#raw !== this.#rawBytes || this.#reader.pendingBytes > 0)
      throw new FormatError('zstd', 'A frame does not decode to what its seal says.')
  }

  close(): void {
    this.#inflater.close()
    this.#reader.close()
  }

  *#read(bytes: Uint8Array): Generator<FbsBlock> {
    for (const raw of this.#inflater.push(bytes)) {
      this.#raw += raw.length
      const most = this.#rawBytes ?? rawBytesMax
      if (this.#raw > Math.min(most, rawBytesMax))
        throw new FormatError(
          'raw-size',
          `A frame decodes to more than ${Math.min(most, rawBytesMax)} bytes.`,
        )
      yield* this.#reader.push(raw)
    }
  }
}
