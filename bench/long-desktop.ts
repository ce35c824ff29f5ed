import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ScreenStream } from '../agent/capture/desktop/screen-stream.ts'
import { UpdateBlock } from '../format/fbs.ts'
import { encoding, type Rectangle } from '../format/rfb-reader.ts'
import { openFileSink } from '../test/helpers/file-sink.ts'
import { crypto, facts, type Identities, makeStream } from '../test/helpers/sample-stream.ts'
import { randomNumbers } from './random-numbers.ts'

// A working day on a desktop, drawn here: an X server would take the day. Text is typed, pages scroll, windows are moved, now
// and then a video plays, and a clock ticks. The agent's own code makes frames of it.

const screen = { width: 1600, height: 1000, name: 'desk' }
const glyph = { width: 9, height: 18, count: 64 }
const page: Rectangle = { x: 60, y: 80, width: 900, height: 828 }
const window: Rectangle = { x: 700, y: 300, width: 600, height: 400 }
const video: Rectangle = { x: 940, y: 40, width: 640, height: 360 }
export const startMs = Date.parse('2026-03-02T08:00:00Z')

export interface LongDesktop {
  id: string
  timeline: string
  screen: string
  storedBytes: number
  rawBytes: number
  frames: number
  endUs: number
}

/** Writes a finished recording's streams into `dir`. */
export async function writeLongDesktop(
  dir: string,
  id: string,
  identities: Identities,
  { seed, lengthUs }: { seed: number; lengthUs: number },
): Promise<LongDesktop> {
  const { agent: signer, certificate } = identities
  const sink = await openFileSink(dir)
  const desktopFacts = { ...facts, type: 'desktop', application: 'desktop', startedMs: startMs } as const
  const stream = (await ScreenStream.open({
    ...{ sink, recording: id, signer, crypto, certificate, facts: desktopFacts },
  }))!
  const drawing = new Drawing(randomNumbers(seed))
  for (const { timeUs, areas, moved } of drawing.day(lengthUs)) {
    const nowMs = timeUs / 1000
    if (stream.isDue(nowMs)) await stream.seal()
    const isNew = !stream.isOpen
    if (isNew) await stream.begin(screen, timeUs, nowMs)
    const changed = isNew ? [{ x: 0, y: 0, ...screen }] : areas
    for (const block of drawing.blocks(changed, isNew ? undefined : moved, isNew, nowMs))
      await stream.write(block, timeUs)
    if (isNew) stream.pictureIsWhole()
  }
  await stream.end('exit')
  const { written } = sink.state
  const endUs = stream.endUs
  const path = join(dir, 'timeline.cast.zst')
  const ends = [{ timeUs: endUs, code: 'o', data: '' }]
  const { bytes } = await makeStream(identities, [ends], { recording: id, facts: desktopFacts })
  await writeFile(path, bytes)
  const storedBytes = sink.durable
  await sink.close()
  const rawBytes = written.reduce((sum, { raw }) => sum + raw, 0)
  return { id, timeline: path, screen: sink.path, storedBytes, rawBytes, frames: written.length, endUs }
}

interface Change {
  timeUs: number
  areas: Rectangle[]
  /** What was on the screen already: the page, from this many pixels lower. */
  moved?: { area: Rectangle; by: number }
}

class Drawing {
  readonly #random: () => number
  readonly #pixels = new Uint32Array(screen.width * screen.height)
  readonly #glyphs: Uint8Array[]
  readonly #block = new UpdateBlock()
  #timeUs = 0

  constructor(random: () => number) {
    this.#random = random
    this.#glyphs = Array.from({ length: glyph.count }, () =>
      Uint8Array.from({ length: glyph.width * glyph.height }, () => (random() < 0.3 ? 1 : 0)),
    )
    this.#fill({ x: 0, y: 0, ...screen }, () => 0x775533)
    this.#window(page)
    for (let y = page.y + 24; y + glyph.height <= page.y + page.height; y += glyph.height) this.#line(y)
  }

  *day(lengthUs: number): Generator<Change> {
    yield { timeUs: 0, areas: [{ x: 0, y: 0, ...screen }] }
    for (let round = 0; this.#timeUs < lengthUs; round++) {
      yield* this.#typing(600)
      yield* this.#scrolling(60)
      yield* this.#moving(50)
      if (round % 6 === 5) yield* this.#playing(300)
      yield* this.#ticking(3)
    }
  }

  /** Blocks that say what is in these areas. */
  *blocks(areas: Rectangle[], moved: Change['moved'], isNew: boolean, timeMs: number): Generator<Uint8Array> {
    const block = this.#block
    if (isNew) block.add({ x: 0, y: 0, ...screen }, encoding.desktopSize, 0)
    if (moved) {
      const { x, y, width, height } = moved.area
      const to = { x, y, width, height: height - moved.by }
      const from = block.add(to, encoding.copyRect, 4)
      new DataView(from.buffer, from.byteOffset).setUint16(0, x)
      new DataView(from.buffer, from.byteOffset).setUint16(2, y + moved.by)
    }
    for (const { x, y, width, height } of areas)
      for (let row = 0; row < height; ) {
        if (block.room < width * 4) yield block.close(timeMs)
        const rows = Math.min(height - row, Math.floor(block.room / (width * 4)))
        const to = block.add({ x, y: y + row, width, height: rows }, encoding.raw, width * rows * 4)
        for (let i = 0; i < rows; i++, row++) {
          const from = ((y + row) * screen.width + x) * 4
          to.set(new Uint8Array(this.#pixels.buffer, from, width * 4), i * width * 4)
        }
      }
    if (!block.isEmpty) yield block.close(timeMs)
  }

  #after(ms: number): number {
    this.#timeUs += ms * 1000
    return this.#timeUs
  }

  *#typing(count: number): Generator<Change> {
    for (let i = 0; i < count; i++) {
      const at = {
        x: page.x + 8 + (i % 96) * glyph.width,
        y: page.y + 24 + (Math.floor(i / 96) % 40) * glyph.height,
      }
      this.#glyph(at.x, at.y)
      yield { timeUs: this.#after(200), areas: [{ ...at, width: glyph.width, height: glyph.height }] }
    }
  }

  *#scrolling(count: number): Generator<Change> {
    const by = 3 * glyph.height
    const area = { ...page, y: page.y + 24, height: page.height - 24 }
    for (let i = 0; i < count; i++) {
      for (let y = area.y; y < area.y + area.height - by; y++) {
        const from = (y + by) * screen.width + area.x
        this.#pixels.copyWithin(y * screen.width + area.x, from, from + area.width)
      }
      const fresh = { ...area, y: area.y + area.height - by, height: by }
      for (let y = fresh.y; y < fresh.y + by; y += glyph.height) this.#line(y)
      yield { timeUs: this.#after(1000), areas: [fresh], moved: { area, by } }
    }
  }

  *#moving(count: number): Generator<Change> {
    for (let i = 0; i < count; i++) {
      const area = { ...window, x: window.x + i * 4, y: window.y + Math.floor(this.#random() * 100) }
      this.#window(area)
      yield { timeUs: this.#after(100), areas: [area] }
    }
  }

  *#playing(count: number): Generator<Change> {
    for (let i = 0; i < count; i++) {
      const noise = Math.floor(this.#random() * 65_536)
      this.#fill(
        video,
        (x, y) => ((x + i * 3) & 255) | (((y + i) & 255) << 8) | (((x * y + noise) & 31) << 16),
      )
      yield { timeUs: this.#after(100), areas: [video] }
    }
  }

  *#ticking(minutes: number): Generator<Change> {
    for (let i = 0; i < minutes; i++) {
      const at = { x: 1520, y: 4, width: 5 * glyph.width, height: glyph.height }
      for (let x = 0; x < 5; x++) this.#glyph(at.x + x * glyph.width, at.y)
      yield { timeUs: this.#after(60_000), areas: [at] }
    }
  }

  #window(area: Rectangle): void {
    this.#fill(area, (_, y) => (y - area.y < 24 ? 0xcc8844 : 0xffffff))
  }

  #line(y: number): void {
    this.#fill({ ...page, y, height: glyph.height }, () => 0xffffff)
    const characters = 20 + Math.floor(this.#random() * 75)
    for (let i = 0; i < characters; i++) this.#glyph(page.x + 8 + i * glyph.width, y)
  }

  #glyph(x: number, y: number): void {
    const bits = this.#glyphs[Math.floor(this.#random() * glyph.count)]!
    this.#fill({ x, y, width: glyph.width, height: glyph.height }, (column, row) =>
      bits[(row - y) * glyph.width + column - x] ? 0x222222 : 0xffffff,
    )
  }

  #fill({ x, y, width, height }: Rectangle, colour: (x: number, y: number) => number): void {
    for (let row = y; row < y + height; row++)
      for (let column = x; column < x + width; column++)
        this.#pixels[row * screen.width + column] = colour(column, row)
  }
}
