import { FormatError } from './format-error.ts'

// What an RFB server sends after the handshake (RFC 6143, section 7.6; ExtendedDesktopSize and Tight as the community's
// rfbproto says), in any pieces, with 32 bits a pixel. Only encodings that need no state are read: a desktop's server is
// as hostile as its user. Contents are handed on in pieces as they come; nothing is held but a header.
//
//   message ──▶ rectangle ──▶ content… ──▶ rectangle … ──▶ message

export const encoding = {
  raw: 0,
  copyRect: 1,
  tight: 7,
  desktopSize: -223,
  extendedDesktopSize: -308,
} as const

export const pixelBytes = 4
/** Two 4K screens side by side fit; a server that claims more would cost 64 MiB a picture. */
export const screenPixelsMax = 2 ** 24
/** A side of a screen: X11's own limit is 32,767. */
export const screenSideMax = 32_767
/** Clipboard text and colour maps are passed over, never held; a length beyond this is a broken server. */
const ignoredBytesMax = 256 * 1024 * 1024
/** A JPEG of one rectangle: it lies in one block. */
const tightBytesMax = 1024 * 1024
/** What a server may send in one update, in screens: a picture and its moves are disjoint. */
const updateScreensMax = 2

export interface Rectangle {
  x: number
  y: number
  width: number
  height: number
}

/**
 * `rectangle` is followed by its `content` in pieces, `contentBytes` in all (for `tight` and `extendedDesktopSize` not
 * known yet: 0). `ignored` = a message that is no part of the picture (bell, clipboard, colour map) has begun.
 */
export type RfbPart =
  | { kind: 'update'; rectangles: number }
  | ({ kind: 'rectangle'; encoding: number; contentBytes: number } & Rectangle)
  | { kind: 'content'; bytes: Uint8Array }
  | { kind: 'updated' }
  | { kind: 'ignored'; type: number }

export interface RfbReaderOptions {
  width: number
  height: number
  /** Rectangle encodings that may come: what was asked for, or what FORMAT.md allows. */
  encodings: readonly number[]
}

/** Bytes behind the type of each message up to its fixed end: RFC 6143, 7.6.1 to 7.6.4. */
const headerBytes = [3, 5, 0, 7]
const rectangleBytes = 12

export class RfbReader {
  readonly #encodings: ReadonlySet<number>
  #width = 0
  #height = 0
  #bytes: Uint8Array = new Uint8Array(0)
  #at = 0
  #read = 0
  // A header whose first bytes came in an earlier piece.
  readonly #held = new Uint8Array(16)
  #heldBytes = 0
  #state: 'message' | 'header' | 'rectangle' | 'prefix' | 'content' | 'ignore' = 'message'
  #type = 0
  #encoding = 0
  #rectanglesLeft = 0
  #contentLeft = 0
  #pixels = 0
  #pixelsMax = 0

  /** Throws FormatError `screen-size`. */
  constructor(options: RfbReaderOptions) {
    this.#encodings = new Set(options.encodings)
    this.#resize(options.width, options.height)
  }

  /** Of the screen, in pixels: as the server said last. */
  get width(): number {
    return this.#width
  }

  get height(): number {
    return this.#height
  }

  /** Nothing is half read: what was pushed ends with a message. */
  get idle(): boolean {
    return this.#state === 'message' && this.#heldBytes === 0 && this.#at === this.#bytes.length
  }

  /** The piece is not copied: it must not change until `next` has given out all of it. */
  push(bytes: Uint8Array): void {
    if (this.#at < this.#bytes.length) throw new FormatError('reader', 'Parts were not all taken.')
    this.#bytes = bytes
    this.#at = 0
  }

  /** The next part, or `undefined` when more bytes are needed. Throws FormatError where the server breaks the rules. */
  next(): RfbPart | undefined {
    while (true) {
      const state = this.#state
      switch (state) {
        case 'message': {
          const header = this.#take(1)
          if (!header) return undefined
          this.#type = header[0]!
          if (this.#type >= headerBytes.length)
            throw this.#error('message', `an unknown message ${this.#type}`)
          this.#state = 'header'
          break
        }
        case 'header': {
          const header = this.#take(headerBytes[this.#type]!)
          if (!header) return undefined
          return this.#message(view(header))
        }
        case 'rectangle': {
          if (this.#rectanglesLeft === 0) {
            this.#state = 'message'
            return { kind: 'updated' }
          }
          const header = this.#take(rectangleBytes)
          if (!header) return undefined
          return this.#rectangle(view(header))
        }
        case 'prefix':
          return this.#prefix()
        case 'content': {
          const bytes = this.#takeContent()
          if (!bytes) return undefined
          if (this.#contentLeft === 0) this.#state = 'rectangle'
          return { kind: 'content', bytes }
        }
        case 'ignore': {
          if (this.#contentLeft > 0 && !this.#takeContent()) return undefined
          if (this.#contentLeft === 0) this.#state = 'message'
          break
        }
        default:
          state satisfies never
      }
    }
  }

  #message(header: DataView): RfbPart {
    if (this.#type === 0) {
      this.#rectanglesLeft = header.getUint16(1)
      this.#pixels = 0
      this.#pixelsMax = updateScreensMax * this.#width * this.#height
      this.#state = 'rectangle'
      return { kind: 'update', rectangles: this.#rectanglesLeft }
    }
    // The extended clipboard's length is negative.
    const bytes =
      this.#type === 1 ? header.getUint16(3) * 6 : this.#type === 3 ? Math.abs(header.getInt32(3)) : 0
    if (bytes > ignoredBytesMax) throw this.#error('message', `a message of ${bytes} bytes`)
    this.#contentLeft = bytes
    this.#state = 'ignore'
    return { kind: 'ignored', type: this.#type }
  }

  #rectangle(header: DataView): RfbPart {
    const x = header.getUint16(0)
    const y = header.getUint16(2)
    const width = header.getUint16(4)
    const height = header.getUint16(6)
    this.#encoding = header.getInt32(8)
    if (!this.#encodings.has(this.#encoding))
      throw this.#error('encoding', `a rectangle in encoding ${this.#encoding}`)
    this.#rectanglesLeft -= 1
    let contentBytes = 0
    if (this.#encoding === encoding.desktopSize) this.#resize(width, height)
    else if (this.#encoding === encoding.extendedDesktopSize) {
      // x = who asked, y = status: only a change that happened counts.
      if (y === 0) this.#resize(width, height)
    } else {
      if (x + width > this.#width || y + height > this.#height)
        throw this.#error(
          'rectangle',
          `${width}x${height}+${x}+${y} on a screen of ${this.#width}x${this.#height}`,
        )
      this.#pixels += width * height
      if (this.#pixels > this.#pixelsMax)
        throw this.#error('update-size', `an update of more than ${updateScreensMax} screens`)
      if (this.#encoding === encoding.raw) contentBytes = width * height * pixelBytes
      if (this.#encoding === encoding.copyRect) contentBytes = 4
    }
    this.#contentLeft = contentBytes
    const open = this.#encoding === encoding.extendedDesktopSize || this.#encoding === encoding.tight
    this.#state = open ? 'prefix' : contentBytes > 0 ? 'content' : 'rectangle'
    return { kind: 'rectangle', encoding: this.#encoding, contentBytes, x, y, width, height }
  }

  // What says how long the content is, and is a part of it.
  #prefix(): RfbPart | undefined {
    if (this.#encoding === encoding.extendedDesktopSize) {
      const head = this.#take(4)
      if (!head) return undefined
      return this.#open(head, head[0]! * 16)
    }
    // JPEG (0x90), then its length: 7 bits a byte, low ones first, at most three bytes.
    const least = this.#take(2, false)
    if (!least) return undefined
    if (least[0] !== 0x90) throw this.#error('tight', `Tight compression 0x${least[0]!.toString(16)}`)
    let size = 2
    let head = least
    while (size < 4 && head[size - 1]! & 0x80) {
      const more = this.#take(size + 1, false)
      if (!more) return undefined
      head = more
      size += 1
    }
    const taken = this.#take(size)!
    const length = (taken[1]! & 0x7f) | (((taken[2] ?? 0) & 0x7f) << 7) | ((taken[3] ?? 0) << 14)
    if (length === 0 || length > tightBytesMax) throw this.#error('tight', `a JPEG of ${length} bytes`)
    return this.#open(taken, length)
  }

  #open(prefix: Uint8Array, contentBytes: number): RfbPart {
    this.#contentLeft = contentBytes
    this.#state = contentBytes > 0 ? 'content' : 'rectangle'
    return { kind: 'content', bytes: prefix.slice() }
  }

  #resize(width: number, height: number): void {
    if (
      width < 1 ||
      height < 1 ||
      Math.max(width, height) > screenSideMax ||
      width * height > screenPixelsMax
    )
      throw this.#error('screen-size', `a screen of ${width}x${height}`, `at most ${screenPixelsMax} pixels`)
    this.#width = width
    this.#height = height
    // The picture of a new size may come in the update that says it.
    this.#pixelsMax = Math.max(this.#pixelsMax, updateScreensMax * width * height)
  }

  // `size` bytes in one piece, 16 at most; `undefined` while they have not all come. Valid until the next call.
  #take(size: number, advance = true): Uint8Array | undefined {
    const here = this.#bytes.length - this.#at
    if (this.#heldBytes === 0 && here >= size) {
      const taken = this.#bytes.subarray(this.#at, this.#at + size)
      if (advance) this.#advance(size)
      return taken
    }
    const missing = Math.min(Math.max(0, size - this.#heldBytes), here)
    this.#held.set(this.#bytes.subarray(this.#at, this.#at + missing), this.#heldBytes)
    this.#heldBytes += missing
    this.#advance(missing)
    if (this.#heldBytes < size) return undefined
    if (advance) this.#heldBytes = 0
    return this.#held.subarray(0, size)
  }

  #takeContent(): Uint8Array | undefined {
    const size = Math.min(this.#contentLeft, this.#bytes.length - this.#at)
    if (size === 0) return undefined
    const bytes = this.#bytes.subarray(this.#at, this.#at + size)
    this.#advance(size)
    this.#contentLeft -= size
    return bytes
  }

  #advance(size: number): void {
    this.#at += size
    this.#read += size
  }

  #error(code: string, came: string, allowed?: string): FormatError {
    return new FormatError(
      `rfb-${code}`,
      `The desktop's server sent ${came}${allowed ? `; allowed: ${allowed}` : ''}.`,
      {
        offset: this.#read,
      },
    )
  }
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}
