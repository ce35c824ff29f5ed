import type { Framebuffer } from '../../../format/framebuffer.ts'
import { pixelBytes, type Rectangle } from '../../../format/rfb-reader.ts'

// A screen in tiles: what each looks like and how often it changes, so that lossy recording knows text from pictures and
// pictures from video. Times in ms.
//
//   text ── many colours ──▶ picture        any ── changes without a pause, many colours ──▶ video ── calm ──▶ text, picture

/** A multiple of a JPEG's blocks; large enough that headers do not count, small enough to keep a line of text out. */
export const tilePixels = 64
/** Changes closer than this belong together: slower than any video, faster than a caret. Or than so many updates. */
const pauseMsMin = 300
const pauseUpdates = 1.5
/** So long a tile changes without a pause before it is a video: a dialog that opens is none. */
const videoAfterMs = 1000
const videoChangesMin = 5
/** A video that has not changed for so long has stopped. */
export const calmMs = 1000
/** A video's tiles have this share of the colours that a picture's have: its dark scenes are video too. */
const videoColourShare = 1 / 4
/** Tiles of one video fill at least this share of the rectangle around them. */
const regionShare = 1 / 2

export type TileKind = 'text' | 'picture' | 'video'

interface Tile {
  kind: TileKind
  /** Since when it changes without a pause, and how often it has. */
  sinceMs: number
  changes: number
  changedMs: number
}

export class TileMap {
  readonly columns: number
  readonly rows: number
  readonly #screen: Framebuffer
  readonly #pictureColours: number
  readonly #tiles: Tile[]
  readonly #seen = new Uint8Array(2 ** 15)
  #videoTiles = 0

  /** `pictureColours` = colours in a tile that make it a picture. */
  constructor(screen: Framebuffer, pictureColours: number) {
    this.columns = Math.ceil(screen.width / tilePixels)
    this.rows = Math.ceil(screen.height / tilePixels)
    this.#screen = screen
    this.#pictureColours = pictureColours
    this.#tiles = Array.from({ length: this.columns * this.rows }, () => ({
      kind: 'text',
      sinceMs: 0,
      changes: 0,
      changedMs: Number.NEGATIVE_INFINITY,
    }))
  }

  kind(index: number): TileKind {
    return this.#tiles[index]!.kind
  }

  /** The part of the screen that a tile is; tiles at the edges are smaller. */
  area(index: number): Rectangle {
    const x = (index % this.columns) * tilePixels
    const y = Math.floor(index / this.columns) * tilePixels
    return {
      x,
      y,
      width: Math.min(tilePixels, this.#screen.width - x),
      height: Math.min(tilePixels, this.#screen.height - y),
    }
  }

  /** Tiles that a rectangle touches. */
  *touched({ x, y, width, height }: Rectangle): Generator<number> {
    if (width === 0 || height === 0) return
    for (let row = Math.floor(y / tilePixels); row * tilePixels < y + height; row++)
      for (let column = Math.floor(x / tilePixels); column * tilePixels < x + width; column++)
        yield row * this.columns + column
  }

  get hasVideo(): boolean {
    return this.#videoTiles > 0
  }

  /** Looks at a tile that has changed, where updates come `intervalMs` apart. */
  changed(index: number, nowMs: number, intervalMs: number): void {
    const tile = this.#tiles[index]!
    if (nowMs - tile.changedMs > Math.max(pauseMsMin, pauseUpdates * intervalMs)) {
      tile.sinceMs = nowMs
      tile.changes = 0
    }
    tile.changes += 1
    tile.changedMs = nowMs
    this.look(index)
  }

  /** Looks at a tile that was sent again. */
  look(index: number): void {
    const tile = this.#tiles[index]!
    if (tile.kind === 'video') return
    const colours = this.#colours(index)
    const plays = tile.changes >= videoChangesMin && tile.changedMs - tile.sinceMs >= videoAfterMs
    if (plays && colours >= this.#pictureColours * videoColourShare) this.#becomeVideo(tile)
    else tile.kind = colours >= this.#pictureColours ? 'picture' : 'text'
  }

  /** Makes one video of tiles that lie together and of what is between them. Gives the tiles that became a part of one. */
  joinVideos(): number[] {
    if (!this.hasVideo) return []
    const joined: number[] = []
    const reached = new Set<number>()
    this.#tiles.forEach((tile, start) => {
      if (tile.kind !== 'video' || reached.has(start)) return
      const region = this.#region(start, reached)
      const columns = region.map((index) => index % this.columns)
      const rows = region.map((index) => Math.floor(index / this.columns))
      const [left, right] = [Math.min(...columns), Math.max(...columns)]
      const [top, bottom] = [Math.min(...rows), Math.max(...rows)]
      if (region.length < (right - left + 1) * (bottom - top + 1) * regionShare) return
      const changedMs = Math.max(...region.map((index) => this.#tiles[index]!.changedMs))
      for (let row = top; row <= bottom; row++)
        for (let column = left; column <= right; column++) {
          const index = row * this.columns + column
          const inner = this.#tiles[index]!
          inner.changedMs = changedMs
          if (inner.kind === 'video') continue
          this.#becomeVideo(inner)
          joined.push(index)
        }
    })
    return joined
  }

  /** Videos that have stopped: their tiles, which are text or pictures from now on. */
  calmed(nowMs: number): number[] {
    if (!this.hasVideo) return []
    const calm: number[] = []
    this.#tiles.forEach((tile, index) => {
      if (tile.kind !== 'video' || nowMs - tile.changedMs < calmMs) return
      this.#videoTiles -= 1
      tile.kind = this.#colours(index) >= this.#pictureColours ? 'picture' : 'text'
      tile.changes = 0
      calm.push(index)
    })
    return calm
  }

  #becomeVideo(tile: Tile): void {
    tile.kind = 'video'
    this.#videoTiles += 1
  }

  #region(start: number, reached: Set<number>): number[] {
    const region = [start]
    reached.add(start)
    for (const at of region) {
      const [x, y] = [at % this.columns, Math.floor(at / this.columns)]
      for (let row = Math.max(0, y - 1); row <= Math.min(this.rows - 1, y + 1); row++)
        for (let column = Math.max(0, x - 1); column <= Math.min(this.columns - 1, x + 1); column++) {
          const next = row * this.columns + column
          if (reached.has(next) || this.#tiles[next]!.kind !== 'video') continue
          reached.add(next)
          region.push(next)
        }
    }
    return region
  }

  // Different colours in a tile, counted by a hash of 15 bits and no further than matters.
  #colours(index: number): number {
    const { x, y, width, height } = this.area(index)
    const { pixels } = this.#screen
    const seen = this.#seen.fill(0)
    let colours = 0
    for (let row = y; row < y + height && colours < this.#pictureColours; row++) {
      let at = (row * this.#screen.width + x) * pixelBytes
      for (const end = at + width * pixelBytes; at < end; at += pixelBytes) {
        const colour = pixels[at]! | (pixels[at + 1]! << 8) | (pixels[at + 2]! << 16)
        const slot = Math.imul(colour, 0x9e3779b1) >>> 17
        if (seen[slot] === 1) continue
        seen[slot] = 1
        colours += 1
      }
    }
    return colours
  }
}
