import type { UpdateBlock } from '../../../format/fbs.ts'
import { encoding, pixelBytes, type RfbPart } from '../../../format/rfb-reader.ts'
import type { ScreenEncoder } from './screen-encoder.ts'

// A server's rectangles as they are. One that is larger than a block is divided into bands of rows, so that every block
// is whole by itself and nothing larger than a block is ever held.

type Rectangle = Extract<RfbPart, { kind: 'rectangle' }>

export class LosslessEncoder implements ScreenEncoder {
  readonly encodings = [encoding.copyRect, encoding.raw]
  readonly #block: UpdateBlock
  readonly #emit: () => Promise<void>
  #rectangle: Rectangle | undefined
  /** Rows of the rectangle that bands have taken. */
  #rows = 0
  #band: Uint8Array | undefined
  #filled = 0

  /** `emit` writes the block away when it has no room. */
  constructor(block: UpdateBlock, emit: () => Promise<void>) {
    this.#block = block
    this.#emit = emit
  }

  begin(): void {}

  rectangle(rectangle: Rectangle): void {
    this.#rectangle = rectangle
    this.#rows = 0
  }

  async content(bytes: Uint8Array): Promise<void> {
    let at = 0
    while (at < bytes.length) {
      const band = this.#band ?? (await this.#next())
      const size = Math.min(bytes.length - at, band.length - this.#filled)
      band.set(bytes.subarray(at, at + size), this.#filled)
      this.#filled += size
      at += size
      if (this.#filled === band.length) this.#band = undefined
    }
  }

  async updated(): Promise<void> {}

  async settle(): Promise<undefined> {
    return undefined
  }

  drop(): void {
    if (this.#band) this.#block.takeBack()
    this.#band = undefined
  }

  async #next(): Promise<Uint8Array> {
    const { x, y, width, height, encoding: kind, contentBytes } = this.#rectangle!
    const rowBytes = kind === encoding.raw ? width * pixelBytes : contentBytes
    if (this.#block.room < rowBytes) await this.#emit()
    const rows =
      kind === encoding.raw ? Math.min(height - this.#rows, Math.floor(this.#block.room / rowBytes)) : height
    const size = kind === encoding.raw ? rows * rowBytes : contentBytes
    this.#band = this.#block.add({ x, y: y + this.#rows, width, height: rows }, kind, size)
    this.#rows += rows
    this.#filled = 0
    return this.#band
  }
}
