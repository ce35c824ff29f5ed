import { pixelBytes, type Rectangle } from './rfb-reader.ts'

/** A screen's pixels, four bytes each, red first. Rectangles lie within it: `RfbReader` sees to that. */
export class Framebuffer {
  readonly width: number
  readonly height: number
  readonly pixels: Uint8Array

  constructor(width: number, height: number) {
    this.width = width
    this.height = height
    this.pixels = new Uint8Array(width * height * pixelBytes)
  }

  /** Puts a piece of a Raw rectangle's content, which begins `at` bytes into that content. */
  put({ x, y, width }: Rectangle, at: number, bytes: Uint8Array): void {
    const rowBytes = width * pixelBytes
    let from = 0
    let row = Math.floor(at / rowBytes)
    let inRow = at - row * rowBytes
    while (from < bytes.length) {
      const size = Math.min(rowBytes - inRow, bytes.length - from)
      this.pixels.set(bytes.subarray(from, from + size), this.#offset(x, y + row) + inRow)
      from += size
      row += 1
      inRow = 0
    }
  }

  /** Copies a rectangle's rows one behind the other into `to`. */
  take({ x, y, width, height }: Rectangle, to: Uint8Array): void {
    const rowBytes = width * pixelBytes
    for (let row = 0; row < height; row++) {
      const from = this.#offset(x, y + row)
      to.set(this.pixels.subarray(from, from + rowBytes), row * rowBytes)
    }
  }

  /** Copies what is at `fromX`, `fromY` into the rectangle; the two may overlap, and both lie within the screen. */
  copy({ x, y, width, height }: Rectangle, fromX: number, fromY: number): void {
    const rowBytes = width * pixelBytes
    const down = fromY < y
    for (let i = 0; i < height; i++) {
      const row = down ? height - 1 - i : i
      const from = this.#offset(fromX, fromY + row)
      this.pixels.copyWithin(this.#offset(x, y + row), from, from + rowBytes)
    }
  }

  #offset(x: number, y: number): number {
    return (y * this.width + x) * pixelBytes
  }
}
