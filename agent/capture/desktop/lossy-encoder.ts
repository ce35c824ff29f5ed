import type { UpdateBlock } from '../../../format/fbs.ts'
import { Framebuffer } from '../../../format/framebuffer.ts'
import { encoding, pixelBytes, type Rectangle, type RfbPart } from '../../../format/rfb-reader.ts'
import { DesktopError } from './desktop-error.ts'
import { type EncodeJpeg, loadJpeg } from './jpeg.ts'
import type { ScreenEncoder } from './screen-encoder.ts'
import { calmMs, TileMap, tilePixels } from './tile-map.ts'

// Pixels as they are where there is text, JPEG where there is a picture, and where a video plays a JPEG now and then or
// none at all. What was a video is recorded well again as soon as it stands still.

export interface LossyOptions {
  /** Of JPEG, 1 to 95. */
  quality: number
  /** Colours in a tile of 64 x 64 that make it a picture. */
  pictureColours: number
  /** Pictures of a playing video in a second. */
  videoPicturesPerSecond: number
  /** A video is not recorded while it plays: stripes stand for it. */
  dropVideo: boolean
}

export const lossyDefaults: LossyOptions = {
  quality: 60,
  pictureColours: 512,
  videoPicturesPerSecond: 4,
  dropVideo: false,
}

/** A JPEG's rectangle at most: with any content it is smaller than a block. */
const jpegTilesMax = 8
/** Stripes are this wide. */
const stripePixels = 16

/** What is wrong with options from a policy or a file, or `undefined`. */
export function lossyProblem(options: LossyOptions): string | undefined {
  const limits = { quality: 95, pictureColours: 4096, videoPicturesPerSecond: 10 }
  for (const [name, most] of Object.entries(limits) as [keyof typeof limits, number][]) {
    const value = options[name]
    if (!(value >= 1 && value <= most)) return `${name}: expected a number from 1 to ${most}, got ${value}.`
  }
  return undefined
}

export class LossyEncoder implements ScreenEncoder {
  readonly encodings = [encoding.raw]
  readonly #options: LossyOptions
  readonly #block: UpdateBlock
  readonly #emit: () => Promise<void>
  readonly #jpeg: Promise<EncodeJpeg>
  #screen = new Framebuffer(1, 1)
  #tiles = new TileMap(this.#screen, 0)
  #missingPixels = 0
  #rectangle: Rectangle | undefined
  #filled = 0
  #changed: Rectangle[] = []
  /** Tiles of videos that changed since they were written, and when they are written next. */
  #held = new Set<number>()
  #videoMs = 0
  /** Tiles that show stripes. */
  #striped = new Set<number>()

  constructor(options: LossyOptions, block: UpdateBlock, emit: () => Promise<void>) {
    const problem = lossyProblem(options)
    if (problem) throw new DesktopError('lossy', problem)
    this.#options = options
    this.#block = block
    this.#emit = emit
    this.#jpeg = loadJpeg()
    this.#jpeg.catch(() => undefined)
  }

  begin(width: number, height: number): void {
    this.#missingPixels = width * height
    this.#held.clear()
    this.#striped.clear()
    this.#changed = []
    if (width === this.#screen.width && height === this.#screen.height) return
    this.#screen = new Framebuffer(width, height)
    this.#tiles = new TileMap(this.#screen, this.#options.pictureColours)
  }

  rectangle(rectangle: Extract<RfbPart, { kind: 'rectangle' }>): void {
    this.#rectangle = rectangle
    this.#filled = 0
    this.#changed.push(rectangle)
  }

  async content(bytes: Uint8Array): Promise<void> {
    this.#screen.put(this.#rectangle!, this.#filled, bytes)
    this.#filled += bytes.length
  }

  async updated(nowMs: number, intervalMs: number): Promise<void> {
    const tiles = this.#tiles
    // A frame's first picture is no change.
    const first = this.#missingPixels > 0
    const touched = new Set<number>()
    for (const area of this.#changed) {
      this.#missingPixels -= area.width * area.height
      for (const index of tiles.touched(area)) touched.add(index)
    }
    for (const index of touched) {
      if (first) tiles.look(index)
      else tiles.changed(index, nowMs, intervalMs)
    }
    const joined = tiles.joinVideos()
    if (this.#options.dropVideo) for (const index of joined) this.#held.add(index)
    for (const area of this.#changed) await this.#writeText(area)
    this.#changed = []
    await this.#writeJpegs([...touched].filter((index) => tiles.kind(index) === 'picture'))
    for (const index of touched) if (tiles.kind(index) === 'video') this.#held.add(index)
    if (first) this.#videoMs = nowMs
    await this.settle(nowMs)
  }

  async settle(nowMs: number): Promise<number | undefined> {
    const calm = this.#tiles.calmed(nowMs)
    for (const index of calm) {
      this.#held.delete(index)
      this.#striped.delete(index)
      await this.#writeText(this.#tiles.area(index))
    }
    await this.#writeJpegs(calm.filter((index) => this.#tiles.kind(index) === 'picture'))
    if (this.#held.size > 0 && nowMs >= this.#videoMs) {
      this.#videoMs = nowMs + 1000 / this.#options.videoPicturesPerSecond
      const held = [...this.#held]
      this.#held.clear()
      if (this.#options.dropVideo) await this.#writeStripes(held)
      else await this.#writeJpegs(held)
    }
    if (this.#held.size > 0) return Math.max(1, this.#videoMs - nowMs)
    return this.#tiles.hasVideo ? calmMs : undefined
  }

  drop(): void {
    this.#changed = []
  }

  // The parts of a rectangle that lie in tiles of text.
  async #writeText(area: Rectangle): Promise<void> {
    const { x, y, width, height } = area
    for (let top = y; top < y + height; ) {
      const bottom = Math.min(y + height, (Math.floor(top / tilePixels) + 1) * tilePixels)
      const row = Math.floor(top / tilePixels) * this.#tiles.columns
      for (let left = x; left < x + width; ) {
        let right = left
        while (right < x + width && this.#tiles.kind(row + Math.floor(right / tilePixels)) === 'text')
          right = Math.min(x + width, (Math.floor(right / tilePixels) + 1) * tilePixels)
        if (right > left) await this.#writeRaw({ x: left, y: top, width: right - left, height: bottom - top })
        left = right > left ? right : (Math.floor(left / tilePixels) + 1) * tilePixels
      }
      top = bottom
    }
  }

  async #writeRaw(area: Rectangle): Promise<void> {
    const size = area.width * area.height * pixelBytes
    // Across the widest screen a row of tiles is larger than a block.
    if (size > this.#block.room) await this.#emit()
    if (size <= this.#block.room) return this.#screen.take(area, this.#block.add(area, encoding.raw, size))
    const half = Math.floor(area.height / 2)
    await this.#writeRaw({ ...area, height: half })
    await this.#writeRaw({ ...area, y: area.y + half, height: area.height - half })
  }

  async #writeJpegs(indexes: number[]): Promise<void> {
    const encode = indexes.length > 0 ? await this.#jpeg : undefined
    for (const area of this.#joined(indexes)) {
      const pixels = new Uint8Array(area.width * area.height * pixelBytes)
      this.#screen.take(area, pixels)
      const jpeg = await encode!(pixels, area.width, area.height, this.#options.quality)
      const head = tightHead(jpeg.length)
      if (head.length + jpeg.length > this.#block.room) await this.#emit()
      const room = this.#block.add(area, encoding.tight, head.length + jpeg.length)
      room.set(head)
      room.set(jpeg, head.length)
    }
  }

  async #writeStripes(indexes: number[]): Promise<void> {
    for (const index of indexes) {
      if (this.#striped.has(index)) continue
      this.#striped.add(index)
      const area = this.#tiles.area(index)
      const size = area.width * area.height * pixelBytes
      if (size > this.#block.room) await this.#emit()
      const room = this.#block.add(area, encoding.raw, size)
      for (let i = 0; i < area.width * area.height; i++) {
        const x = area.x + (i % area.width)
        const y = area.y + Math.floor(i / area.width)
        room.fill(
          Math.floor((x + y) / stripePixels) % 2 === 0 ? 0x50 : 0x60,
          i * pixelBytes,
          (i + 1) * pixelBytes,
        )
      }
    }
  }

  // Tiles, in order, to as few rectangles as rows and equal rows below each other give.
  #joined(indexes: number[]): Rectangle[] {
    const joined: Rectangle[] = []
    for (const index of indexes.toSorted((a, b) => a - b)) {
      const tile = this.#tiles.area(index)
      const last = joined.at(-1)
      if (
        last &&
        last.y === tile.y &&
        last.x + last.width === tile.x &&
        last.width < jpegTilesMax * tilePixels
      )
        last.width += tile.width
      else joined.push(tile)
    }
    const areas: Rectangle[] = []
    for (const run of joined) {
      const above = areas.find(
        (area) =>
          area.x === run.x &&
          area.width === run.width &&
          area.y + area.height === run.y &&
          area.height < jpegTilesMax * tilePixels,
      )
      if (above) above.height += run.height
      else areas.push(run)
    }
    return areas
  }
}

/** Of a Tight rectangle with JPEG: its kind, and a length of 7 bits a byte. */
function tightHead(length: number): Uint8Array {
  if (length < 2 ** 7) return new Uint8Array([0x90, length])
  if (length < 2 ** 14) return new Uint8Array([0x90, (length & 0x7f) | 0x80, length >> 7])
  return new Uint8Array([0x90, (length & 0x7f) | 0x80, ((length >> 7) & 0x7f) | 0x80, length >> 14])
}
