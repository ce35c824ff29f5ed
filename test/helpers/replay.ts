import { execFile, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { zstdDecompressSync } from 'node:zlib'
import sharp from 'sharp'
import type { Area, Picture } from './picture.ts'

// A reader of screens that shares nothing with the product's: zstdcat, and the protocol read straight from RFC 6143.

export interface Block {
  timeMs: number
  bytes: Buffer
}

/** What `zstdcat` prints of a finished stream. */
export async function zstdcat(path: string): Promise<Buffer> {
  const { stdout } = await promisify(execFile)('zstdcat', [path], {
    encoding: 'buffer',
    maxBuffer: 1024 ** 3,
  })
  return stdout
}

/** The same of one that grows: zstd keeps its last bytes to itself until the frame is closed, so it is closed here. */
export async function zstdcatLive(path: string): Promise<Buffer> {
  const child = spawn('zstdcat', { stdio: ['pipe', 'pipe', 'ignore'] })
  // It stops reading where a stream ends between frames.
  child.stdin.on('error', () => undefined)
  child.stdin.end(Buffer.concat([await readFile(path), new Uint8Array([1, 0, 0])]))
  return buffer(child.stdout)
}

/** The blocks of an FBS file, a last one that is not whole apart. */
export function fbsBlocks(fbs: Buffer): Block[] {
  if (fbs.toString('latin1', 0, 12) !== 'FBS 001.001\n') throw new Error('no FBS header')
  return blocksFrom(fbs, 12)
}

function blocksFrom(fbs: Buffer, start: number): Block[] {
  const blocks: Block[] = []
  for (let at = start; at + 8 <= fbs.length; ) {
    const length = fbs.readUInt32BE(at)
    const timeAt = at + 4 + Math.ceil(length / 4) * 4
    if (timeAt + 4 > fbs.length) break
    blocks.push({ bytes: fbs.subarray(at + 4, at + 4 + length), timeMs: fbs.readUInt32BE(timeAt) })
    at = timeAt + 4
  }
  return blocks
}

/** The screen after all of `blocks` whose time is at most `untilMs`. The first is the handshake. */
export async function replay(blocks: Block[], untilMs = Number.POSITIVE_INFINITY): Promise<Picture> {
  const [handshake, ...updates] = blocks
  const greeting = handshake!.bytes
  if (greeting.toString('latin1', 0, 12) !== 'RFB 003.008\n') throw new Error('no RFB version')
  if (greeting.readUInt16BE(12) !== 0x0101 || greeting.readUInt32BE(14) !== 0)
    throw new Error('no security None')
  const screen = new Screen(greeting.readUInt16BE(18), greeting.readUInt16BE(20))
  for (const { bytes, timeMs } of updates) if (timeMs <= untilMs) await screen.paint(bytes)
  return screen.picture
}

/** The blocks of one BODY; the first of a recording begins with the header and the handshake, which are left out. */
export function frameBlocks(body: Uint8Array, first: boolean): Block[] {
  const content = zstdDecompressSync(body, { maxOutputLength: 2 ** 28 })
  return first ? fbsBlocks(content).slice(1) : blocksFrom(content, 0)
}

export interface RecordedRectangle extends Area {
  encoding: number
  timeMs: number
  content: Buffer
}

/** Every rectangle of a recording, in order. */
export function rectangles(blocks: Block[]): RecordedRectangle[] {
  return blocks.slice(1).flatMap(({ bytes, timeMs }) => [...read(bytes)].map((area) => ({ ...area, timeMs })))
}

// The rectangles of one FramebufferUpdate, and nothing behind it.
function* read(update: Buffer): Generator<Omit<RecordedRectangle, 'timeMs'>> {
  if (update[0] !== 0) throw new Error(`message ${update[0]}`)
  let at = 4
  for (let left = update.readUInt16BE(2); left > 0; left--) {
    const [x, y, width, height] = [0, 2, 4, 6].map((offset) => update.readUInt16BE(at + offset)) as Quad
    const encoding = update.readInt32BE(at + 8)
    at += 12
    let size = encoding === 0 ? width * height * 4 : encoding === 1 ? 4 : 0
    if (encoding === 7) {
      if (update[at] !== 0x90) throw new Error(`Tight ${update[at]}`)
      at += 1
      for (let shift = 0, more = true; more; shift += 7) {
        const byte = update[at++]!
        size |= (byte & 0x7f) << shift
        more = byte >= 0x80
      }
    } else if (![0, 1, -223].includes(encoding)) throw new Error(`encoding ${encoding}`)
    yield { x, y, width, height, encoding, content: update.subarray(at, at + size) }
    at += size
  }
  if (at !== update.length) throw new Error(`${update.length - at} bytes behind an update`)
}

class Screen {
  picture: Picture

  constructor(width: number, height: number) {
    this.picture = { width, height, rgb: new Uint8Array(width * height * 3) }
  }

  async paint(update: Buffer): Promise<void> {
    for (const area of read(update)) {
      const { x, y, width, height, encoding, content } = area
      const { picture } = this
      if (encoding === 0) this.#put(area, content, 4)
      if (encoding === 1) this.#copy(area, content.readUInt16BE(0), content.readUInt16BE(2))
      if (encoding === 7) this.#put(area, await sharp(content).removeAlpha().raw().toBuffer(), 3)
      if (encoding === -223 && (x !== 0 || y !== 0)) throw new Error('a screen beside 0,0')
      if (encoding === -223 && (width !== picture.width || height !== picture.height))
        this.picture = { width, height, rgb: new Uint8Array(width * height * 3) }
    }
  }

  #put({ x, y, width, height }: Area, pixels: Uint8Array, bytes: 3 | 4): void {
    const { picture } = this
    if (x + width > picture.width || y + height > picture.height || pixels.length !== width * height * bytes)
      throw new Error(`${width}x${height}+${x}+${y} with ${pixels.length} bytes`)
    for (let row = 0, from = 0; row < height; row++)
      for (
        let column = 0, to = ((y + row) * picture.width + x) * 3;
        column < width;
        column++, from += bytes
      ) {
        picture.rgb[to++] = pixels[from]!
        picture.rgb[to++] = pixels[from + 1]!
        picture.rgb[to++] = pixels[from + 2]!
      }
  }

  #copy({ x, y, width, height }: Area, fromX: number, fromY: number): void {
    const { rgb, width: across } = this.picture
    const rows = Array.from({ length: height }, (_, row) => {
      const start = ((fromY + row) * across + fromX) * 3
      return rgb.slice(start, start + width * 3)
    })
    rows.forEach((row, i) => {
      rgb.set(row, ((y + i) * across + x) * 3)
    })
  }
}

type Quad = [number, number, number, number]
