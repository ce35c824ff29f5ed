import type { FbsBlock } from '../../../format/fbs.ts'
import { FormatError } from '../../../format/format-error.ts'
import type { ScreenPainter } from '../../../format/screen-painter.ts'
import { release } from '../release.ts'
import { FrameBlocks } from './frame-blocks.ts'
import type { FrameRef } from './messages.ts'

// One place in the stream at which blocks are decoded, and painted one after the other.
//
//   none ── another frame, or an earlier moment ──▶ in a frame ── later moment of it ──▶ in a frame ── damage ──▶ none
//
// A frame begins with a whole picture, so any moment is reached from the start of its frame.

/** An update with one rectangle. */
const blockBytesMin = 16
/** What happens closer together is told as one: as on the timeline. */
const momentUs = 100_000
/** Other messages are looked at this often. */
const sliceMs = 20
/**
 * Decoding and painting of one frame: a hundred times what the largest ones take. A frame can ask for days of it, by
 * copying the whole screen about.
 */
const frameMsMax = 30_000

export interface Moved {
  atUs: number
  nextUs: number | undefined
  moments: number[]
  damage: { fromUs: number; text: string } | undefined
}

/** Stored bytes of the frame from `from` on, at least one; `undefined` where they cannot be had, or need not any more. */
export type Pull = (from: number) => Promise<Uint8Array | undefined>

export class ScreenLane {
  readonly #painter: ScreenPainter | undefined
  #frame: FrameRef | undefined
  #blocks: FrameBlocks | undefined
  #held: FbsBlock | undefined
  #from = 0
  #piece: Uint8Array | undefined
  #atUs = 0
  /** Of the block that is painted now, and of the first of the frame. */
  #blockUs = 0
  #firstUs = 0
  #began = false
  #handshake = false
  #workMs = 0

  /** Without a painter only what happens is told. */
  constructor(painter: ScreenPainter | undefined) {
    this.#painter = painter
  }

  get painter(): ScreenPainter | undefined {
    return this.#painter
  }

  /** Paints what the frame has up to `untilUs`, and always its first update. Stops early when `isStale`. */
  async move(frame: FrameRef, untilUs: number, pull: Pull, isStale: () => boolean): Promise<Moved> {
    const isBack = untilUs < this.#atUs && this.#atUs > this.#firstUs
    if (this.#frame?.offset !== frame.offset || isBack || !this.#blocks) this.#begin(frame)
    this.#frame = frame
    const moments: number[] = []
    const damage =
      (await this.#guarded(() => this.#paint(untilUs, moments, pull, isStale))) ??
      (await this.#guarded(async () => isStale() || this.#painter?.settle()))
    const nextUs = this.#held && this.#timeOf(this.#held)
    return { atUs: this.#atUs, nextUs, moments, damage }
  }

  /** Gives its memory back; the picture stays. */
  close(): void {
    this.#blocks?.close()
    this.#blocks = undefined
    this.#held = undefined
    release(this.#piece)
    this.#piece = undefined
  }

  async #paint(untilUs: number, moments: number[], pull: Pull, isStale: () => boolean): Promise<void> {
    let sliceStart = performance.now()
    while (!isStale()) {
      this.#held ??= await this.#next(pull, isStale)
      if (!this.#held) return
      const blockUs = this.#timeOf(this.#held)
      if (this.#began && blockUs > Math.max(untilUs, this.#atUs)) return
      this.#blockUs = blockUs
      const { bytes } = this.#held
      if (bytes.length < blockBytesMin) throw new FormatError('rfb-block', 'A block has no rectangle.')
      await this.#painter?.update(bytes)
      this.#held = undefined
      if (!this.#began) this.#firstUs = blockUs
      // The picture that a frame begins with changes nothing.
      if (blockUs > this.#firstUs) addMoment(moments, blockUs, bytes.length)
      this.#began = true
      this.#atUs = blockUs
      const tookMs = performance.now() - sliceStart
      if (tookMs < sliceMs) continue
      this.#work(tookMs)
      await turn()
      sliceStart = performance.now()
    }
  }

  // What is damaged from where on; the picture up to there is good.
  async #guarded(work: () => Promise<unknown>): Promise<Moved['damage']> {
    try {
      await work()
      return undefined
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      this.close()
      const fromUs = this.#began ? Math.max(this.#blockUs, this.#atUs + 1) : this.#frame!.startUs
      await this.#painter?.settle().catch(() => undefined)
      return { fromUs, text: error.message }
    }
  }

  #begin(frame: FrameRef): void {
    this.close()
    const first = frame.offset === 0
    this.#blocks = new FrameBlocks({ first })
    this.#handshake = first
    this.#from = frame.bodyOffset
    this.#atUs = frame.startUs
    this.#blockUs = frame.startUs
    this.#firstUs = frame.startUs
    this.#began = false
    this.#workMs = 0
    this.#painter?.begin()
  }

  async #next(pull: Pull, isStale: () => boolean): Promise<FbsBlock | undefined> {
    const blocks = this.#blocks!
    for (;;) {
      const { bodyOffset, bodySize, closed, rawBytes } = this.#frame!
      const block = blocks.next()
      if (block && !this.#handshake) return block
      if (block) {
        this.#handshake = false
        continue
      }
      if (this.#from >= bodyOffset + bodySize) {
        if (closed) blocks.finish()
        return undefined
      }
      release(this.#piece)
      this.#piece = await pull(this.#from)
      if (isStale() || !this.#piece) return undefined
      const bytes = this.#piece
      this.#from += bytes.length
      blocks.push(bytes, closed ? rawBytes : undefined)
    }
  }

  // A block's time is its agent's word; within a frame it goes on, and no further than its SEAL says.
  #timeOf({ timeMs }: FbsBlock): number {
    const { closed, endUs } = this.#frame!
    return Math.max(this.#atUs, closed ? Math.min(timeMs * 1000, endUs) : timeMs * 1000)
  }

  #work(ms: number): void {
    this.#workMs += ms
    if (this.#workMs > frameMsMax)
      throw new FormatError('screen-cost', `Painting a frame takes more than ${frameMsMax / 1000} s.`)
  }
}

function addMoment(moments: number[], timeUs: number, bytes: number): void {
  if (timeUs - (moments.at(-2) ?? Number.NEGATIVE_INFINITY) < momentUs) moments[moments.length - 1]! += bytes
  else moments.push(timeUs, bytes)
}

const { port1, port2 } = new MessageChannel()
port1.start()

/** Lets messages in, of which timers would only let one in every 4 ms. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    port1.addEventListener('message', () => resolve(), { once: true })
    port2.postMessage(0)
  })
}
