import { setTimeout as sleep } from 'node:timers/promises'
import type { UpdateBlock } from '../../../format/fbs.ts'
import { encoding, type RfbPart } from '../../../format/rfb-reader.ts'
import { DesktopError } from './desktop-error.ts'
import type { Pace } from './pace.ts'
import type { RfbConnection } from './rfb-connection.ts'
import type { ScreenEncoder } from './screen-encoder.ts'
import type { ScreenStream } from './screen-stream.ts'
import type { ScreenTimeline } from './screen-timeline.ts'

// One connection's updates into a stream, as long as both last.
//
//   picture ── whole ──▶ changes ── due, resized ──▶ picture
//                          └─ due while nothing happens ──▶ asleep ── anything ──▶ picture
//
// Nothing is asked of the server before what came is compressed and handed on: a slow disk slows the asking and holds
// no memory.

/** As much as a crash may cost; a flush costs some 100 bytes. */
const flushMs = 1000
/** Between looks at the frame's age while nothing happens. */
const lookMs = 5000
/** A server that stops in the middle of an update for so long is stuck. */
const stallMs = 30_000
/** Updates that may bring one picture: a server tells its size in one of its own, and may send strips. */
const updatesPerPictureMax = 256
const loadSampleMs = 1000

/** All that recordings of one desktop share over its connections. */
export interface Recorded {
  stream: ScreenStream
  timeline?: ScreenTimeline
  encoder: ScreenEncoder
  block: UpdateBlock
  pace: Pace
  /** µs since the recording's start. */
  nowUs(): number
  /** Nobody saw the screen between two connections. */
  missed(fromUs: number, toUs: number): Promise<void>
  /** Threads of the host that want a core, for each core it has. */
  loadShare(): Promise<number>
}

export class ScreenFollower {
  readonly #connection: RfbConnection
  readonly #recorded: Recorded
  readonly #signal: AbortSignal
  #width = 0
  #height = 0
  #missingPixels = 0
  #begun = false
  /** The rectangle whose content comes is recorded. */
  #taking = false
  /** All blocks of an update have one time. */
  #timeUs = 0
  #intervalMs = 0
  #flushedMs = 0
  #sampledMs = Number.NEGATIVE_INFINITY

  /** `signal` ends `follow`. */
  constructor(connection: RfbConnection, recorded: Recorded, signal: AbortSignal) {
    this.#connection = connection
    this.#recorded = recorded
    this.#signal = signal
  }

  /** Every update is made durable at once. */
  watched = false

  /** Writes the block away; what the encoder calls when it is full. */
  async emit(): Promise<void> {
    const { block, stream } = this.#recorded
    await stream.write(block.close(Math.floor(this.#timeUs / 1000)), this.#timeUs)
  }

  /** Resolves when the signal came; throws DesktopError and FormatError when the connection can be used no more. */
  async follow(): Promise<void> {
    const wake = () => this.#connection.wake()
    this.#signal.addEventListener('abort', wake)
    try {
      await this.#follow()
    } finally {
      this.#signal.removeEventListener('abort', wake)
    }
  }

  async #follow(): Promise<void> {
    const { stream, pace } = this.#recorded
    let whole = false
    while (!this.#signal.aborted) {
      const askedMs = performance.now()
      const storedBytes = stream.storedBytes
      const busyMs = whole ? await this.#changes() : await this.#picture()
      if (this.#signal.aborted) return
      if (stream.isDue(performance.now()) || this.#isResized) await stream.leave()
      whole = stream.isOpen
      await this.#flushIfDue()
      await this.#sampleLoad()
      this.#intervalMs = pace.intervalMs(busyMs, stream.storedBytes - storedBytes)
      const restMs = askedMs + this.#intervalMs - performance.now()
      if (restMs > 0) await sleep(restMs, undefined, { signal: this.#signal }).catch(() => undefined)
    }
  }

  get #isResized(): boolean {
    return this.#connection.width !== this.#width || this.#connection.height !== this.#height
  }

  /** Resolves to the ms that the server and we were busy. */
  async #changes(): Promise<number> {
    this.#connection.request('changes')
    return this.#update()
  }

  async #picture(): Promise<number> {
    const connection = this.#connection
    this.#width = connection.width
    this.#height = connection.height
    this.#missingPixels = this.#width * this.#height
    this.#recorded.encoder.begin(this.#width, this.#height)
    connection.request('all')
    let busyMs = 0
    for (let updates = 1; ; updates++) {
      busyMs += await this.#update()
      if (this.#missingPixels <= 0) break
      if (this.#signal.aborted || this.#isResized) return busyMs
      if (updates === updatesPerPictureMax)
        throw new DesktopError('picture', `The server sent no whole picture in ${updates} updates.`)
      connection.request('changes')
    }
    const { stream, timeline } = this.#recorded
    stream.pictureIsWhole()
    await timeline?.screen(
      { width: this.#width, height: this.#height, name: connection.init.name },
      this.#timeUs,
    )
    return busyMs
  }

  async #update(): Promise<number> {
    const connection = this.#connection
    const { encoder, block, stream } = this.#recorded
    let part = connection.take()
    // A bell or a clipboard is no update that has begun.
    while (part?.kind !== 'update') {
      if (this.#signal.aborted) return 0
      if (!part && !(await connection.more(await this.#waitMs()))) {
        await this.#flushIfDue()
        if (connection.askAgainMs !== undefined) connection.request('changes')
      }
      part = connection.take()
    }
    const startMs = performance.now()
    this.#timeUs = this.#recorded.nowUs()
    while (part?.kind !== 'updated') {
      if (part) await this.#part(part)
      part = connection.take()
      if (!part && !(await connection.more(stallMs)))
        throw new DesktopError('stalled', `The server stopped in the middle of an update for ${stallMs} ms.`)
    }
    if (stream.isOpen) await encoder.updated(startMs, this.#intervalMs)
    if (!block.isEmpty) await this.emit()
    return performance.now() - startMs
  }

  async #part(part: RfbPart): Promise<void> {
    const { encoder, block, stream } = this.#recorded
    if (part.kind === 'content' && this.#taking) await encoder.content(part.bytes)
    if (part.kind !== 'rectangle') return
    // Behind a new size everything is of another screen, and without a frame it is of none: a picture comes next.
    this.#taking = part.encoding >= 0 && !this.#isResized && (stream.isOpen || this.#missingPixels > 0)
    if (!this.#taking) return
    if (part.encoding === encoding.copyRect && this.#missingPixels > 0)
      throw new DesktopError('picture', 'The server moved a part of a picture before it was whole.')
    if (!stream.isOpen) {
      if (!this.#begun && !stream.isEmpty) await this.#recorded.missed(stream.endUs, this.#timeUs)
      this.#begun = true
      const init = { width: this.#width, height: this.#height, name: this.#connection.init.name }
      await stream.begin(init, this.#timeUs, performance.now())
      block.add({ x: 0, y: 0, ...init }, encoding.desktopSize, 0)
    }
    encoder.rectangle(part)
    if (part.encoding === encoding.raw) this.#missingPixels -= part.width * part.height
  }

  async #waitMs(): Promise<number> {
    const { stream, encoder, block } = this.#recorded
    const nowMs = performance.now()
    const longestMs = this.#connection.askAgainMs ?? lookMs
    if (stream.isDue(nowMs)) await stream.seal()
    if (!stream.isOpen) return longestMs
    this.#timeUs = this.#recorded.nowUs()
    const settleMs = await encoder.settle(nowMs)
    if (!block.isEmpty) await this.emit()
    const untilFlushMs = stream.isDirty ? Math.max(0, this.#flushedMs + flushMs - nowMs) : longestMs
    return Math.min(longestMs, untilFlushMs, settleMs ?? longestMs)
  }

  async #flushIfDue(): Promise<void> {
    const { stream } = this.#recorded
    const nowMs = performance.now()
    if (!stream.isDirty || !(this.watched || nowMs - this.#flushedMs >= flushMs)) return
    this.#flushedMs = nowMs
    await stream.flush()
  }

  async #sampleLoad(): Promise<void> {
    const nowMs = performance.now()
    if (nowMs - this.#sampledMs < loadSampleMs) return
    this.#sampledMs = nowMs
    this.#recorded.pace.sample(await this.#recorded.loadShare(), nowMs)
  }
}
