import type { ScreenItem } from '../codec/read-screen.ts'
import { FormatError } from '../format/format-error.ts'
import type { Framebuffer } from '../format/framebuffer.ts'
import { ScreenPainter } from '../format/screen-painter.ts'
import { decodeJpeg } from '../screen/decode-jpeg.ts'
import { CommandError } from './command-error.ts'

/** What a stream shows as it is read. */
export class PaintedScreen {
  readonly #painter = new ScreenPainter(decodeJpeg)
  /** Its last whole picture, while the first one of a frame is painted over it. */
  #isWhole = false
  #refused: string | undefined

  get isWhole(): boolean {
    return this.#isWhole
  }

  /** Why the rest of this frame is not shown. */
  get refused(): string | undefined {
    return this.#refused
  }

  /** Paints an item; gives out each time before what was then is painted. */
  async *play(item: ScreenItem): AsyncGenerator<number> {
    if (item.kind === 'frame') {
      // What waits of the frame before is seen until this one's picture.
      await this.#settle()
      this.#painter.begin()
      this.#refused = undefined
    }
    if (item.kind === 'refused') this.#refused = item.error.code
    if (item.kind !== 'blocks' || this.#refused !== undefined) return
    try {
      for (const { timeMs, bytes } of item.blocks) {
        yield timeMs * 1000
        await this.#painter.update(bytes)
        this.#isWhole ||= this.#painter.isWhole
      }
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      this.#refused = error.code
    }
  }

  /** Throws CommandError `empty` where nothing was painted. */
  async shown(): Promise<Framebuffer> {
    if (!this.#isWhole) throw nothingToShow()
    await this.#settle()
    return this.#painter.screen
  }

  async #settle(): Promise<void> {
    try {
      await this.#painter.settle()
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      this.#refused = error.code
    }
  }
}

export function nothingToShow(): CommandError {
  return new CommandError('empty', 'Nothing in this recording can be shown yet.', 'Is it still being sent?')
}
