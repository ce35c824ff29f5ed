import { utf8 } from './bytes.ts'
import { FormatError } from './format-error.ts'
import type { Rectangle } from './rfb-reader.ts'

// A screen's content: FBS 001.001, the frame buffer stream of rfbproxy. A header, then blocks of
//
//   length u32, that many bytes of what the server said, 0 to 3 zero bytes up to a multiple of 4, ms u32     (big-endian)
//
// Here a block behind the handshake holds exactly one FramebufferUpdate, so every block's end is a place to cut.

export const fbsHeader = utf8('FBS 001.001\n')

/** A block at most, length and time included: large enough that calls do not count, small enough to be held. */
export const blockBytesMax = 1024 * 1024

const updateHeaderBytes = 4
/** What says how long a block is. */
const lengthBytes = 4
const rectangleHeaderBytes = 12
const rectanglesMax = 65_535

/** One block. `timeMs` since the recording's start. */
export function encodeBlock(bytes: Uint8Array, timeMs: number): Uint8Array<ArrayBuffer> {
  const padded = (bytes.length + 3) & ~3
  const block = new Uint8Array(4 + padded + 4)
  const view = new DataView(block.buffer)
  view.setUint32(0, bytes.length)
  block.set(bytes, 4)
  view.setUint32(4 + padded, timeMs)
  return block
}

/** One block with one FramebufferUpdate, built rectangle by rectangle in memory that is used again. */
export class UpdateBlock {
  readonly #bytes = new Uint8Array(blockBytesMax)
  readonly #view = new DataView(this.#bytes.buffer)
  #size = 4 + updateHeaderBytes
  #rectangles = 0
  #lastSize = 0

  get isEmpty(): boolean {
    return this.#rectangles === 0
  }

  /** Bytes of content that one more rectangle could have. */
  get room(): number {
    // Padding and time come behind.
    const room = this.#bytes.length - this.#size - rectangleHeaderBytes - 7
    return this.#rectangles === rectanglesMax ? 0 : Math.max(0, room)
  }

  /** Adds a rectangle; the caller fills what is returned, `contentBytes` long and at most `room`. */
  add({ x, y, width, height }: Rectangle, encoding: number, contentBytes: number): Uint8Array {
    if (contentBytes > this.room)
      throw new FormatError(
        'block-size',
        `A rectangle of ${contentBytes} bytes has ${this.room} left in its block.`,
      )
    this.#lastSize = this.#size
    const view = this.#view
    view.setUint16(this.#size, x)
    view.setUint16(this.#size + 2, y)
    view.setUint16(this.#size + 4, width)
    view.setUint16(this.#size + 6, height)
    view.setInt32(this.#size + 8, encoding)
    const start = this.#size + rectangleHeaderBytes
    this.#size = start + contentBytes
    this.#rectangles += 1
    return this.#bytes.subarray(start, this.#size)
  }

  /** Takes back the rectangle that was added last: its content did not come. */
  takeBack(): void {
    this.#size = this.#lastSize
    this.#rectangles -= 1
  }

  /** The block, valid until the next rectangle is added. */
  close(timeMs: number): Uint8Array {
    const view = this.#view
    const length = this.#size - 4
    view.setUint32(0, length)
    view.setUint16(4, 0)
    view.setUint16(6, this.#rectangles)
    const padded = (length + 3) & ~3
    this.#bytes.fill(0, this.#size, 4 + padded)
    view.setUint32(4 + padded, timeMs)
    this.#size = 4 + updateHeaderBytes
    this.#rectangles = 0
    return this.#bytes.subarray(0, 4 + padded + 4)
  }
}

/** How many of the first bytes of a BODY's content are whole blocks; `first`: it opens with the FBS header. */
export function wholeBlockBytes(raw: Uint8Array, first: boolean): number {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.length)
  let at = first ? fbsHeader.length : 0
  if (at > raw.length) return 0
  while (at + 4 <= raw.length) {
    const length = view.getUint32(at)
    if (length > blockBytesMax) break
    const next = at + 4 + ((length + 3) & ~3) + 4
    if (next > raw.length) break
    at = next
  }
  return at
}

export interface FbsBlock {
  timeMs: number
  bytes: Uint8Array
}

/** Reads blocks from content in any pieces. `headerExpected`: the content is a recording's beginning. */
export class FbsReader {
  #headerExpected: boolean
  // A block whose first bytes came in an earlier piece.
  #held = new Uint8Array(0)
  #heldBytes = 0

  constructor(options: { headerExpected: boolean }) {
    this.#headerExpected = options.headerExpected
  }

  /** Bytes of a block that is not whole yet. */
  get pendingBytes(): number {
    return this.#heldBytes
  }

  /** Gives back the memory of a block that was not whole, which a browser's worker would keep for long. */
  close(): void {
    if (this.#held.length > 0) this.#held.buffer.transfer(0)
    this.#held = new Uint8Array(0)
  }

  /** The blocks that became whole, each valid until the next is asked for. Throws FormatError `fbs`. */
  *push(bytes: Uint8Array): Generator<FbsBlock> {
    let at = 0
    while (at < bytes.length) {
      if (this.#heldBytes === 0) {
        const rest = bytes.subarray(at)
        const size = this.#wholeBytes(rest)
        if (size !== undefined && size <= rest.length) {
          at += size
          yield* this.#block(rest.subarray(0, size))
          continue
        }
      }
      at += this.#hold(bytes, at)
      const held = this.#held.subarray(0, this.#heldBytes)
      if (this.#wholeBytes(held) !== held.length) continue
      this.#heldBytes = 0
      yield* this.#block(held)
    }
  }

  // As many bytes as the block that is held lacks, or as are here.
  #hold(bytes: Uint8Array, at: number): number {
    const wanted = this.#wholeBytes(this.#held.subarray(0, this.#heldBytes)) ?? lengthBytes
    const size = Math.min(wanted - this.#heldBytes, bytes.length - at)
    if (this.#held.length < wanted) {
      const larger = new Uint8Array(wanted)
      larger.set(this.#held.subarray(0, this.#heldBytes))
      this.close()
      this.#held = larger
    }
    this.#held.set(bytes.subarray(at, at + size), this.#heldBytes)
    this.#heldBytes += size
    return size
  }

  /** Of the header, or the block that begins `bytes`; `undefined` while that is not known. */
  #wholeBytes(bytes: Uint8Array): number | undefined {
    if (this.#headerExpected) return fbsHeader.length
    if (bytes.length < 4) return undefined
    const length = view(bytes).getUint32(0)
    if (length > blockBytesMax)
      throw new FormatError('fbs', `A block claims ${length} bytes; ${blockBytesMax} are allowed.`)
    return 4 + ((length + 3) & ~3) + 4
  }

  *#block(bytes: Uint8Array): Generator<FbsBlock> {
    if (this.#headerExpected) {
      if (!fbsHeader.every((byte, i) => bytes[i] === byte))
        throw new FormatError('fbs', 'Expected a screen to begin with FBS 001.001.')
      this.#headerExpected = false
      return
    }
    const length = view(bytes).getUint32(0)
    yield { bytes: bytes.subarray(4, 4 + length), timeMs: view(bytes).getUint32(bytes.length - 4) }
  }
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}
