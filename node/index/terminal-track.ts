import { ActivityCount } from '../../format/activity-count.ts'
import { FormatError } from '../../format/format-error.ts'
import { frameEvents } from '../../format/frame-events.ts'
import type { Activity, IndexedFrame, PictureFacts } from '../../format/index-records.ts'
import { encodePicture, pictureBytesMax } from '../../format/picture-bytes.ts'
import { ShownText } from '../../format/shown-text.ts'
import { parseSize, type TimelineEvent } from '../../format/timeline.ts'
import type { EmulatedScreen } from '../../screen/emulated-screen.ts'
import { fullness } from './fullness.ts'

// A terminal's timeline, frame by frame, drawn once: what a seek, a timeline and a list need to know of it.

/** Output between two kept pictures in a frame: 20 ms of drawing, which is what a seek then costs at most. */
const pictureEveryCharacters = 512 * 1024
/** Output drawn in one piece. */
const joinCharactersMax = 64 * 1024
/** A screen that rested so long was looked at: it may be the poster. */
const restUs = 2_000_000

export interface KeptPicture {
  facts: PictureFacts
  written: Uint8Array
}

export interface DrawnFrame {
  pictures: KeptPicture[]
  activity: Activity | undefined
  /** True once a picture would not be what playing shows, or is too large: none follow. */
  undrawn: boolean
  fullest: IndexedFrame['fullest']
}

export class TerminalTrack {
  readonly #screen: EmulatedScreen
  readonly #output: ShownText
  #latestUs: number
  #undrawn: boolean

  /** `screen` as the frames before have left it at `latestUs`; `undrawn` where it is not known how. */
  constructor(screen: EmulatedScreen, isCommand: boolean, before: { latestUs: number; undrawn: boolean }) {
    this.#screen = screen
    this.#output = new ShownText(isCommand)
    this.#latestUs = before.latestUs
    this.#undrawn = before.undrawn
  }

  /** Draws a frame's content. `next` = where the frame behind it begins: there stands the picture after all of this. */
  frame(
    frame: { offset: number; next: number; rawBytes: number; endUs: number },
    raw: Uint8Array | undefined,
  ): DrawnFrame {
    const before = this.#screen.picture()
    const activity = new ActivityCount()
    const pictures: KeptPicture[] = []
    let waiting = ''
    let characters = 0
    let event = 0
    let drawn = false
    let fullest: IndexedFrame['fullest']
    const draw = () => {
      if (waiting !== '' && !this.#undrawn) this.#screen.write(waiting)
      waiting = ''
      this.#undrawn ||= this.#screen.leftOut
    }
    const look = () => {
      draw()
      if (this.#undrawn) return
      const cells = fullness(this.#screen.terminal)
      if (!fullest || cells >= fullest.cells) fullest = { timeUs: this.#latestUs, cells }
    }
    const keep = (at: { frame: number; event: number }) => {
      draw()
      characters = 0
      if (this.#undrawn) return
      const written = encodePicture(this.#screen.picture())
      this.#undrawn = written.length > pictureBytesMax
      const facts = { ...at, timeUs: this.#latestUs, rawBytes: written.length }
      if (!this.#undrawn) pictures.push({ facts, written })
    }
    const take = (one: TimelineEvent) => {
      const { timeUs, code, data } = one
      event += 1
      if (timeUs - this.#latestUs >= restUs) look()
      this.#latestUs = Math.max(this.#latestUs, timeUs)
      const size = code === 'r' ? parseSize(data) : undefined
      const text = this.#output.take(one)
      if (text === undefined && !size) return
      drawn = true
      activity.add(timeUs, data.length)
      if (size) {
        draw()
        this.#screen.resize(size.columns, size.rows)
        return
      }
      if (text === undefined) return
      waiting += text
      characters += text.length
      if (waiting.length >= joinCharactersMax) draw()
      if (characters >= pictureEveryCharacters) keep({ frame: frame.offset, event })
    }

    try {
      if (!raw) throw new FormatError('zstd', 'A frame does not decode.')
      for (const events of frameEvents(raw, frame.rawBytes)) for (const one of events) take(one)
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      this.#screen.restore(before)
      this.#latestUs = frame.endUs
      // Players show it as missing.
      return { pictures: [], activity: undefined, undrawn: this.#undrawn, fullest: undefined }
    }
    if (drawn) {
      look()
      keep({ frame: frame.next, event: 0 })
    }
    this.#latestUs = frame.endUs
    return { pictures, activity: activity.take(), undrawn: this.#undrawn, fullest }
  }
}
