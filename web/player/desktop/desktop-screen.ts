import { signal } from '@preact/signals'
import type { Screen, Step } from '../screen.ts'
import type { Segment } from '../segment.ts'
import { segmentAt } from '../segment-at.ts'
import { type DesktopFace, drawInto, openDesktopFace } from './desktop-face.ts'
import type { DesktopSource } from './desktop-source.ts'
import type { Drawn, FrameRef, Lane } from './messages.ts'
import { WorkerClient } from './worker-client.ts'

/** The picture may be this late before the clock waits for it. */
const lateMsMax = 150
/** How often a scan looks whether somebody waits for something else. */
const yieldMs = 30

interface Running {
  untilUs: number
  sinceMs: number
  done: Promise<void>
}

/**
 * A desktop, painted by a worker. Every frame begins with a whole picture, so playing and seeking are the same: what is
 * shown at a moment is painted from the start of its frame, or from what is shown already where that is in the same one.
 */
export class DesktopScreen implements Screen {
  readonly source: DesktopSource
  readonly face: DesktopFace = openDesktopFace()
  readonly leftOut = { text: signal(''), dismiss: () => undefined }
  readonly #worker: WorkerClient
  readonly #closed = new AbortController()
  #running: Running | undefined
  /** Why the last drawing failed, until it is told. */
  #failed: Promise<never> | undefined
  /** What is shown: as much of this frame, and when it changes next. */
  #shown: { offset: number; bodySize: number; nextUs: number | undefined } | undefined

  constructor(source: DesktopSource) {
    this.source = source
    this.#worker = new WorkerClient((frame, from, lane) => source.bytes(frame, from, lane))
  }

  get nextUs(): number | undefined {
    // Not before it is known.
    if (this.#running) return 0
    const { offset, nextUs } = this.#shown ?? { offset: -1, nextUs: undefined }
    return nextUs ?? this.source.segments.peek().find((segment) => segment.offset > offset)?.startUs
  }

  draw(untilUs: number): Step {
    const failed = this.#failed
    this.#failed = undefined
    if (failed) return { waits: { startUs: 0, ready: failed } }
    const running = this.#running
    if (running) {
      const isLate = performance.now() - running.sinceMs > lateMsMax
      return isLate ? { waits: { startUs: 0, ready: running.done } } : {}
    }
    const frame = this.#frameAt(untilUs)
    if (!frame) return {}
    const { offset, bodySize, nextUs } = this.#shown ?? { offset: -1 }
    const isShown = offset === frame.offset && bodySize === frame.bodySize
    if (isShown && (nextUs === undefined || nextUs > untilUs)) return {}
    this.#run(frame, untilUs).catch((error) => {
      this.#failed = Promise.reject(error)
      this.#failed.catch(() => undefined)
    })
    return {}
  }

  async seek(timeUs: number, signal: AbortSignal): Promise<void> {
    const frame = this.#frameAt(timeUs)
    if (frame) await this.#run(frame, timeUs)
    signal.throwIfAborted()
  }

  async thumbnail(
    canvas: HTMLCanvasElement,
    timeUs: number,
    width: number,
    signal: AbortSignal,
  ): Promise<number> {
    const frame = this.#frameAt(timeUs)
    const pixels = Math.round(width * devicePixelRatio)
    const { preview } = frame ? await this.#paintWhole('preview', frame, timeUs, signal, pixels) : {}
    signal.throwIfAborted()
    const height = drawInto(canvas, preview, width)
    preview?.close()
    return height
  }

  // Its bytes are fetched like any other's; when it ends is known once it is decoded.
  async readTail(): Promise<void> {
    const open = this.source.segments.peek().find(({ closed }) => !closed)
    if (open && open.bodySize > 0)
      await this.#paintWhole('scan', open, Number.POSITIVE_INFINITY, this.#closed.signal)
  }

  async scan(signal: AbortSignal): Promise<void> {
    for (const frame of [...this.source.segments.peek()]) {
      while (this.#running && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, yieldMs))
      signal.throwIfAborted()
      if (frame.kind === 'frame' && frame.bodySize > 0)
        await this.#paintWhole('scan', frame, Number.POSITIVE_INFINITY, signal)
    }
  }

  close(): void {
    this.#closed.abort()
    this.source.close()
    this.#worker.close()
  }

  // `undefined` where something is missing, or there is nothing.
  #frameAt(timeUs: number): Segment | undefined {
    const segments = this.source.segments.peek()
    const found = segments[segmentAt(segments, timeUs)]
    return found?.kind === 'frame' && found.bodySize > 0 ? found : undefined
  }

  #run(frame: Segment, untilUs: number): Promise<void> {
    const { bodySize } = frame
    const show = async () => {
      try {
        const drawn = await this.#paint('shown', frame, untilUs)
        if (drawn.stale) return
        this.#shown = { offset: frame.offset, bodySize, nextUs: drawn.nextUs }
        const pixels = this.face.paint(drawn)
        if (pixels) this.#worker.spare(pixels)
      } finally {
        if (this.#running === running) this.#running = undefined
      }
    }
    const running: Running = { untilUs, sinceMs: performance.now(), done: show() }
    this.#running = running
    return running.done
  }

  // Begins again when what is shown was in its way.
  async #paintWhole(
    lane: Lane,
    segment: Segment,
    untilUs: number,
    signal: AbortSignal,
    width?: number,
  ): Promise<Drawn> {
    for (;;) {
      signal.throwIfAborted()
      const drawn = await this.#paint(lane, segment, untilUs, width)
      if (!drawn.stale) return drawn
    }
  }

  async #paint(lane: Lane, segment: Segment, untilUs: number, width?: number): Promise<Drawn> {
    const { offset, bodyOffset, bodySize, closed, rawBytes, startUs, endUs } = segment
    const frame: FrameRef = { offset, bodyOffset, bodySize, closed, rawBytes, startUs, endUs }
    const drawn = await this.#worker.draw({ lane, frame, untilUs, ...(width !== undefined && { width }) })
    this.source.drawn(segment, drawn)
    return drawn
  }
}
