import { before, type Cursor, drawUntil, segmentAt } from './cursor.ts'
import { Emulator } from './emulator.ts'
import type { RecordingSource } from './recording-source.ts'
import type { Snapshot } from './snapshot.ts'

/** Output between two kept pictures: 20 to 50 ms of drawing, which is what a seek then costs. */
const pictureEveryCharacters = 512 * 1024
/** Kept pictures, in characters. Beyond, every second one is forgotten. */
const picturesCharactersMax = 24 * 1024 * 1024
/** Output drawn before other work gets its turn. */
const stepCharacters = 256 * 1024
/** How often a scan looks whether it may go on. */
const yieldMs = 30
/** Events passed at most to get out of the middle of a sequence. */
const restEventsMax = 50

export interface Picture {
  cursor: Cursor
  snapshot: Snapshot
}

/** Finds the screen at any moment: draws unseen from the nearest picture before it, and keeps pictures on the way. */
export class PictureFinder {
  readonly #source: RecordingSource
  readonly #size: { columns: number; rows: number }
  #pictures: Picture[] = []
  readonly #leftOut: (characters: number) => void
  #emulator: Emulator | undefined
  #finding = 0

  constructor(source: RecordingSource, columns: number, rows: number, leftOut: (characters: number) => void) {
    this.#leftOut = leftOut
    this.#source = source
    this.#size = { columns, rows }
  }

  get pictures(): readonly Picture[] {
    return this.#pictures
  }

  /** The screen after all events up to `timeUs`. `near` is a picture to start from if it helps. Throws AbortError. */
  async find(timeUs: number, signal: AbortSignal, near?: Picture): Promise<Picture> {
    const target = {
      segment: segmentAt(this.#source.segments.peek(), timeUs),
      event: Number.MAX_SAFE_INTEGER,
    }
    let start: Picture = { cursor: { segment: 0, event: 0 }, snapshot: { ...this.#size, text: '' } }
    for (const picture of near ? [...this.#pictures, near] : this.#pictures)
      if (
        before(picture.cursor, target) &&
        !before(picture.cursor, start.cursor) &&
        this.#isBefore(picture, timeUs)
      )
        start = picture
    this.#emulator ??= this.#openEmulator()
    const emulator = this.#emulator
    this.#finding += 1
    try {
      return await this.#findFrom(emulator, start, timeUs, signal)
    } finally {
      this.#finding -= 1
    }
  }

  async #findFrom(emulator: Emulator, start: Picture, timeUs: number, signal: AbortSignal): Promise<Picture> {
    await emulator.restore(start.snapshot)
    const cursor = { ...start.cursor }
    await this.#run(emulator, cursor, timeUs, signal)
    for (let passed = 0; !emulator.atRest && passed < restEventsMax; passed++) {
      const events = this.#source.peek(this.#source.segments.peek()[cursor.segment]!)
      const event = events?.[cursor.event]
      if (!event) break
      drawUntil(this.#source, emulator, cursor, event.timeUs, 1)
    }
    const snapshot = await emulator.snapshot()
    signal.throwIfAborted()
    return { cursor, snapshot }
  }

  /** Passes over the whole recording once, unseen and unhurried, so that every later seek has a picture near. */
  async scan(signal: AbortSignal): Promise<void> {
    const emulator = this.#openEmulator()
    try {
      await emulator.restore({ ...this.#size, text: '' })
      await this.#run(emulator, { segment: 0, event: 0 }, Number.POSITIVE_INFINITY, signal, true)
    } finally {
      emulator.dispose()
    }
  }

  dispose(): void {
    this.#emulator?.dispose()
  }

  async #run(
    emulator: Emulator,
    cursor: Cursor,
    timeUs: number,
    signal: AbortSignal,
    behind = false,
  ): Promise<void> {
    let sinceKept = 0
    for (;;) {
      signal.throwIfAborted()
      const step = drawUntil(this.#source, emulator, cursor, timeUs, stepCharacters)
      sinceKept += step.characters
      if (step.waits) await this.#source.load(step.waits)
      else if (!step.more) return
      // Drawing takes turns with the page by itself.
      await emulator.settled
      if (behind) await this.#notFinding(signal)
      if (sinceKept < pictureEveryCharacters || !emulator.atRest) continue
      const at = { ...cursor }
      this.#keep({ cursor: at, snapshot: await emulator.snapshot() })
      sinceKept = 0
    }
  }

  // Whether nothing the picture shows is later than `timeUs`: its last event, or the start of its frame, is not.
  #isBefore(picture: Picture, timeUs: number): boolean {
    const segment = this.#source.segments.peek()[picture.cursor.segment]
    if (!segment) return false
    if (picture.cursor.event === 0) return segment.startUs <= timeUs
    const event = this.#source.peek(segment)?.[picture.cursor.event - 1]
    return event ? event.timeUs <= timeUs : segment.endUs <= timeUs
  }

  // A scan gives way to a seek, which somebody waits for.
  async #notFinding(signal: AbortSignal): Promise<void> {
    while (this.#finding > 0 && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, yieldMs))
  }

  #openEmulator(): Emulator {
    const emulator = new Emulator()
    emulator.onLeftOut = this.#leftOut
    return emulator
  }

  #keep(picture: Picture): void {
    const at = this.#pictures.findLastIndex((kept) => before(kept.cursor, picture.cursor)) + 1
    const next = this.#pictures[at]
    if (next && !before(picture.cursor, next.cursor)) return
    this.#pictures.splice(at, 0, picture)
    const characters = this.#pictures.reduce((sum, kept) => sum + kept.snapshot.text.length, 0)
    if (characters > picturesCharactersMax)
      this.#pictures = this.#pictures.filter((_, index) => index % 2 === 0)
  }
}
