import type { Terminal } from '@xterm/xterm'
import { type Picture, snapshotBytes } from '../../../format/terminal-snapshot.ts'
import type { RecordingIndex } from '../recording-index.ts'
import { segmentAt } from '../segment-at.ts'
import { before, type Cursor, drawUntil } from './cursor.ts'
import { Emulator } from './emulator.ts'
import type { TerminalSource } from './terminal-source.ts'

/** Output between two kept pictures: 20 to 50 ms of drawing, which is what a seek then costs. */
const pictureEveryCharacters = 512 * 1024
/** Kept pictures: 24 KB each for a screen of 80x24. Beyond, every second one is forgotten. */
const picturesBytesMax = 16 * 1024 * 1024
/** Output drawn before other work gets its turn. */
const stepCharacters = 256 * 1024
/** How often a scan looks whether it may go on. */
const yieldMs = 30

/** The screen after the events before `cursor`. */
export interface PlacedPicture {
  cursor: Cursor
  picture: Picture
}

/** A picture that is taken if it helps. */
interface NearPicture {
  cursor: Cursor
  take(): Promise<Picture>
}

/**
 * Finds the screen at any moment: draws unseen from the nearest picture before it, of the server's index or its own, which
 * it keeps on the way.
 */
export class PictureFinder {
  readonly #source: TerminalSource
  readonly #index: RecordingIndex
  readonly #size: { columns: number; rows: number }
  readonly #leftOut: (characters: number) => void
  readonly #beginning: Promise<PlacedPicture>
  #pictures: PlacedPicture[] = []
  #emulator: Emulator | undefined
  #previewer: Emulator | undefined
  #finding = 0

  constructor(
    source: TerminalSource,
    index: RecordingIndex,
    size: { columns: number; rows: number },
    leftOut: (characters: number) => void,
  ) {
    this.#leftOut = leftOut
    this.#source = source
    this.#index = index
    this.#size = size
    const fresh = this.#openEmulator()
    this.#beginning = fresh.picture().then((picture) => ({ cursor: { segment: 0, event: 0 }, picture }))
    this.#beginning.finally(() => fresh.dispose())
  }

  /** The screen after all events up to `timeUs`. `near` is a picture to start from if it helps. Throws AbortError. */
  async find(timeUs: number, signal: AbortSignal, near: NearPicture): Promise<PlacedPicture> {
    this.#emulator ??= this.#openEmulator()
    const cursor = await this.#draw(this.#emulator, timeUs, signal, near)
    const picture = await this.#emulator.picture()
    signal.throwIfAborted()
    return { cursor, picture }
  }

  /** The same as an emulator to look at, which the next preview uses again. */
  async preview(timeUs: number, signal: AbortSignal): Promise<Terminal> {
    this.#previewer ??= this.#openEmulator()
    await this.#draw(this.#previewer, timeUs, signal)
    await this.#previewer.settled
    return this.#previewer.terminal
  }

  async #draw(emulator: Emulator, timeUs: number, signal: AbortSignal, near?: NearPicture): Promise<Cursor> {
    this.#finding += 1
    try {
      const { cursor, picture } = await this.#start(timeUs, near)
      signal.throwIfAborted()
      await emulator.restore(picture)
      const at = { ...cursor }
      await this.#run(emulator, at, timeUs, signal)
      return at
    } finally {
      this.#finding -= 1
    }
  }

  // The latest picture before the moment. What is fetched for it comes at the same time as the frame it lies in.
  async #start(timeUs: number, near: NearPicture | undefined): Promise<PlacedPicture> {
    const segments = this.#source.segments.peek()
    const target = { segment: segmentAt(segments, timeUs), event: Number.MAX_SAFE_INTEGER }
    const frame = segments[target.segment]
    if (frame?.closed) this.#source.load(frame).catch(() => undefined)
    if (frame && frame.offset > this.#index.coveredBytes) await this.#index.freshen()
    let start = await this.#beginning
    for (const picture of this.#pictures)
      if (this.#isBetter(picture.cursor, start.cursor, target, timeUs)) start = picture
    const isNear = near !== undefined && this.#isBetter(near.cursor, start.cursor, target, timeUs)
    const stored = this.#index.nearest(timeUs)
    const cursor = stored && this.#cursorOf(stored)
    if (cursor && before(isNear ? near.cursor : start.cursor, cursor) && before(cursor, target)) {
      const picture = await this.#index.picture(stored)
      if (picture) return { cursor, picture }
    }
    return isNear ? { cursor: near.cursor, picture: await near.take() } : start
  }

  #isBetter(cursor: Cursor, than: Cursor, target: Cursor, timeUs: number): boolean {
    return before(cursor, target) && !before(cursor, than) && this.#isBefore(cursor, timeUs)
  }

  // `undefined` where the frame is not known here.
  #cursorOf({ frame, event }: { frame: number; event: number }): Cursor | undefined {
    const segments = this.#source.segments.peek()
    const segment = segments.findLastIndex(({ offset }) => offset <= frame)
    const found = segments[segment]
    if (!found) return undefined
    if (found.offset === frame) return { segment, event }
    // Behind the last one that is known.
    return event === 0 && frame === found.offset + found.size ? { segment: segment + 1, event: 0 } : undefined
  }

  /** Passes over the whole recording once, unseen and unhurried, so that every later seek has a picture near. */
  async scan(signal: AbortSignal): Promise<void> {
    const emulator = this.#openEmulator()
    try {
      await this.#run(emulator, { segment: 0, event: 0 }, Number.POSITIVE_INFINITY, signal, true)
    } finally {
      emulator.dispose()
    }
  }

  dispose(): void {
    this.#emulator?.dispose()
    this.#previewer?.dispose()
  }

  async #run(
    emulator: Emulator,
    cursor: Cursor,
    timeUs: number,
    signal: AbortSignal,
    behind = false,
  ): Promise<void> {
    let charactersSinceKept = 0
    for (;;) {
      signal.throwIfAborted()
      const step = drawUntil(this.#source, emulator, cursor, timeUs, stepCharacters)
      charactersSinceKept += step.characters
      if (step.waits) await this.#source.load(step.waits)
      else if (!step.more) return
      // Drawing takes turns with the page by itself.
      await emulator.settled
      if (behind) await this.#notFinding(signal)
      if (charactersSinceKept < pictureEveryCharacters) continue
      const at = { ...cursor }
      this.#keep({ cursor: at, picture: await emulator.picture() })
      charactersSinceKept = 0
    }
  }

  // Whether nothing that was drawn before the cursor is later: its last event, or the start of its frame, is not.
  #isBefore(cursor: Cursor, timeUs: number): boolean {
    const segment = this.#source.segments.peek()[cursor.segment]
    if (!segment) return false
    if (cursor.event === 0) return segment.startUs <= timeUs
    const event = this.#source.peek(segment)?.[cursor.event - 1]
    return event ? event.timeUs <= timeUs : segment.endUs <= timeUs
  }

  // A scan gives way to a seek, which somebody waits for.
  async #notFinding(signal: AbortSignal): Promise<void> {
    while (this.#finding > 0 && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, yieldMs))
  }

  #openEmulator(): Emulator {
    const emulator = new Emulator()
    emulator.resize(this.#size.columns, this.#size.rows)
    emulator.onLeftOut = this.#leftOut
    return emulator
  }

  #keep(picture: PlacedPicture): void {
    const at = this.#pictures.findLastIndex((kept) => before(kept.cursor, picture.cursor)) + 1
    const next = this.#pictures[at]
    if (next && !before(picture.cursor, next.cursor)) return
    this.#pictures.splice(at, 0, picture)
    const bytes = this.#pictures.reduce((sum, kept) => sum + snapshotBytes(kept.picture.screen), 0)
    if (bytes > picturesBytesMax) this.#pictures = this.#pictures.filter((_, index) => index % 2 === 0)
  }
}
