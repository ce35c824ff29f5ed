import { FormatError } from './format-error.ts'
import { Framebuffer } from './framebuffer.ts'
import { jpegSize } from './jpeg-size.ts'
import { encoding, type Rectangle, type RfbPart, RfbReader } from './rfb-reader.ts'

// Paints a screen's blocks as they come, the same in a player and on a node. A JPEG is unpacked only when it is seen: of a
// video that is passed over by a seek, the last one of each place.
//
//   fresh ── DesktopSize ──▶ painting ── update … ──▶ painting          any ── begin ──▶ fresh

/** Unpacks a JPEG of the size that it says, 4 bytes a pixel. Rejects where it cannot. */
export type DecodeJpeg = (jpeg: Uint8Array, width: number, height: number) => Promise<Uint8Array>

/** JPEGs that wait to be seen: a screen full of them has a tenth of it. */
const waitingMax = { count: 1024, bytes: 8 * 1024 * 1024 }
/** In pixels that are moved: to unpack one, to read a rectangle, to compare it with a JPEG that waits. */
const effortOf = { jpegPixel: 16, rectangle: 64, waiting: 16 }
/** What FORMAT.md allows. */
const encodings = [encoding.raw, encoding.copyRect, encoding.tight, encoding.desktopSize]

interface Waiting extends Rectangle {
  jpeg: Uint8Array
}

type Begun = Extract<RfbPart, { kind: 'rectangle' }>

export class ScreenPainter {
  readonly #decodeJpeg: DecodeJpeg
  #screen = new Framebuffer(1, 1)
  #reader = freshReader()
  #sized = false
  #waiting: Waiting[] = []
  #waitingBytes = 0
  #dirty: Rectangle | undefined
  #painted = 0
  #covered = 0
  #effort = 0

  constructor(decodeJpeg: DecodeJpeg) {
    this.#decodeJpeg = decodeJpeg
  }

  /** As of the last `settle`. */
  get screen(): Framebuffer {
    return this.#screen
  }

  /** Every pixel of the screen was painted since it got its size. */
  get isWhole(): boolean {
    return this.#sized && this.#covered >= this.#screen.width * this.#screen.height
  }

  /** Pixels painted since the frame began, each as often as it was. */
  get painted(): number {
    return this.#painted
  }

  /** What the frame has cost since it began, about in pixels. A kilobyte can move a large screen a hundred times. */
  get effort(): number {
    return this.#effort
  }

  /** A frame begins, which says the screen's size and paints all of it. */
  begin(): void {
    this.#reader = freshReader()
    this.#sized = false
    this.#painted = 0
    this.#effort = 0
    this.#forget()
  }

  /** Paints one block: exactly one FramebufferUpdate, with something in it. Rejects with FormatError. */
  async update(bytes: Uint8Array): Promise<void> {
    const reader = this.#reader
    reader.push(bytes)
    let rectangle: Begun | undefined
    let prefixed = false
    for (let part = reader.next(); part; part = reader.next()) {
      if (part.kind === 'ignored') throw new FormatError('rfb-message', `A block has a message ${part.type}.`)
      if (part.kind === 'rectangle') {
        rectangle = part
        prefixed = false
        await this.#begin(part)
      } else if (part.kind === 'content' && rectangle) {
        // A block is whole, so its contents come in one piece; before a JPEG comes how long it is.
        if (rectangle.encoding === encoding.raw) this.#screen.put(rectangle, 0, part.bytes)
        else if (rectangle.encoding === encoding.copyRect) this.#copy(rectangle, part.bytes)
        else if (prefixed) this.#hold(rectangle, part.bytes)
        prefixed = !prefixed
      }
    }
    if (!rectangle) throw new FormatError('rfb-block', 'A block has no rectangle.')
    if (!reader.idle) throw new FormatError('rfb-block', 'A block does not end where its update ends.')
    if (this.#waitingBytes > waitingMax.bytes) await this.settle()
  }

  /** Makes `screen` show all updates so far. Rejects with FormatError. */
  async settle(): Promise<void> {
    const waiting = this.#waiting
    this.#forget()
    for (const area of waiting) {
      const { width, height } = area
      this.#effort += width * height * effortOf.jpegPixel
      const pixels = await this.#decodeJpeg(area.jpeg, width, height).catch((error) => {
        throw new FormatError('rfb-jpeg', `A JPEG of ${width}x${height} cannot be unpacked: ${error.message}`)
      })
      this.#screen.put(area, 0, pixels)
    }
  }

  /** What has changed since the last call; `undefined` when nothing has. */
  takeDirty(): Rectangle | undefined {
    const dirty = this.#dirty
    this.#dirty = undefined
    return dirty
  }

  async #begin(rectangle: Begun): Promise<void> {
    const { width, height } = rectangle
    if (rectangle.encoding === encoding.desktopSize) {
      this.#sized = true
      this.#covered = 0
      this.#forget()
      if (width !== this.#screen.width || height !== this.#screen.height)
        this.#screen = new Framebuffer(width, height)
      this.#dirty = { x: 0, y: 0, width, height }
      return
    }
    if (!this.#sized) throw new FormatError('rfb-size', 'A frame does not begin with the size of its screen.')
    this.#painted += width * height
    this.#covered += width * height
    this.#effort += width * height + effortOf.rectangle + this.#waiting.length * effortOf.waiting
    this.#dirty = this.#dirty ? around(this.#dirty, rectangle) : { ...rectangle }
    this.#waiting = this.#waiting.filter((area) => !isWithin(area, rectangle))
    this.#waitingBytes = this.#waiting.reduce((sum, { jpeg }) => sum + jpeg.length, 0)
    const { encoding: kind } = rectangle
    const under = kind === encoding.raw && this.#waiting.some((area) => overlap(area, rectangle))
    if (under || kind === encoding.copyRect || this.#waiting.length >= waitingMax.count) await this.settle()
  }

  #copy(rectangle: Rectangle, content: Uint8Array): void {
    if (content.length < 4) return
    const [x, y] = [(content[0]! << 8) | content[1]!, (content[2]! << 8) | content[3]!]
    const { width, height } = this.#screen
    if (x + rectangle.width > width || y + rectangle.height > height)
      throw new FormatError('rfb-rectangle', `A copy from ${x},${y} reaches outside the screen.`)
    this.#screen.copy(rectangle, x, y)
  }

  #hold(area: Rectangle, content: Uint8Array): void {
    const { width, height } = jpegSize(content)
    if (width !== area.width || height !== area.height)
      throw new FormatError(
        'rfb-jpeg',
        `A JPEG of ${width}x${height} is to fill ${area.width}x${area.height}.`,
      )
    this.#waiting.push({ ...area, jpeg: content.slice() })
    this.#waitingBytes += content.length
  }

  #forget(): void {
    this.#waiting = []
    this.#waitingBytes = 0
  }
}

function freshReader(): RfbReader {
  return new RfbReader({ width: 1, height: 1, encodings })
}

function isWithin(inner: Rectangle, outer: Rectangle): boolean {
  return (
    inner.x >= outer.x &&
    inner.y >= outer.y &&
    inner.x + inner.width <= outer.x + outer.width &&
    inner.y + inner.height <= outer.y + outer.height
  )
}

function overlap(a: Rectangle, b: Rectangle): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
}

function around(a: Rectangle, b: Rectangle): Rectangle {
  const x = Math.min(a.x, b.x)
  const y = Math.min(a.y, b.y)
  return {
    x,
    y,
    width: Math.max(a.x + a.width, b.x + b.width) - x,
    height: Math.max(a.y + a.height, b.y + b.height) - y,
  }
}
