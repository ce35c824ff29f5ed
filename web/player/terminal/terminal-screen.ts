import { computed, signal } from '@preact/signals'
import type { RecordingIndex } from '../recording-index.ts'
import type { Screen, ScreenFace, Step } from '../screen.ts'
import { type Cursor, drawUntil, nextEvent } from './cursor.ts'
import { drawScreen } from './draw-screen.ts'
import { Emulator } from './emulator.ts'
import { PictureFinder } from './picture-finder.ts'
import { openTerminalFace } from './terminal-face.ts'
import type { TerminalSource } from './terminal-source.ts'

/** With more than this undrawn the clock waits for the screen. */
const pendingCharactersMax = 1024 * 1024

/** A terminal, drawn by xterm.js. */
export class TerminalScreen implements Screen {
  readonly source: TerminalSource
  readonly face: ScreenFace
  readonly leftOut: Screen['leftOut']
  readonly #emulator = new Emulator()
  readonly #finder: PictureFinder
  #cursor: Cursor = { segment: 0, event: 0 }

  constructor(source: TerminalSource, index: RecordingIndex, size: { columns: number; rows: number }) {
    this.source = source
    this.#emulator.resize(size.columns, size.rows)
    this.face = openTerminalFace(this.#emulator)
    const characters = signal(0)
    const leaveOut = (more: number) => {
      characters.value += more
    }
    this.leftOut = {
      text: computed(() =>
        characters.value === 0
          ? ''
          : `${characters.value.toLocaleString('en')} characters of output are left out: drawing them would hang the screen.`,
      ),
      dismiss: () => {
        characters.value = 0
      },
    }
    this.#emulator.onLeftOut = leaveOut
    this.#finder = new PictureFinder(source, index, size, leaveOut)
  }

  get nextUs(): number | undefined {
    const { event, waits } = nextEvent(this.source, this.#cursor)
    return event?.timeUs ?? waits?.startUs
  }

  // As much as the emulator takes: the cursor then stays behind, and the next call goes on from it.
  draw(untilUs: number): Step {
    const room = pendingCharactersMax - this.#emulator.pendingCharacters
    if (room <= 0) return { lags: true }
    const { waits, more } = drawUntil(this.source, this.#emulator, this.#cursor, untilUs, room)
    if (waits) return { waits: { startUs: waits.startUs, ready: this.source.load(waits) } }
    this.#prefetch()
    return more ? { lags: true } : {}
  }

  async seek(timeUs: number, signal: AbortSignal): Promise<void> {
    const near = { cursor: { ...this.#cursor }, take: () => this.#emulator.picture() }
    const found = await this.#finder.find(timeUs, signal, near)
    this.#cursor = found.cursor
    await this.#emulator.restore(found.picture)
    signal.throwIfAborted()
  }

  async thumbnail(
    canvas: HTMLCanvasElement,
    timeUs: number,
    width: number,
    signal: AbortSignal,
  ): Promise<number> {
    return drawScreen(canvas, await this.#finder.preview(timeUs, signal), width)
  }

  readTail(): Promise<void> {
    return this.source.readTail()
  }

  scan(signal: AbortSignal): Promise<void> {
    return this.#finder.scan(signal)
  }

  close(): void {
    this.source.close()
    this.#finder.dispose()
    this.#emulator.dispose()
  }

  #prefetch(): void {
    const next = this.source.segments.peek()[this.#cursor.segment + 1]
    if (next && !this.source.has(next)) this.source.load(next).catch(() => undefined)
  }
}
