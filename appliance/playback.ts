import xterm from '@xterm/headless'
import { TerminalGuard } from '../format/terminal-guard.ts'
import { clampCells, parseSize, type TimelineEvent, type TimelineHeader } from '../format/timeline.ts'

// A recording's events, and the emulated screen at a moment of it. Moving back starts again from the beginning: a
// terminal recording of an hour is drawn in well under a second.

/** One write to the emulator, so that keys are looked at in between. */
const sliceCharactersMax = 256 * 1024

export class Playback {
  readonly header: TimelineHeader
  readonly #events: TimelineEvent[]
  readonly #guard = new TerminalGuard()
  #terminal: xterm.Terminal
  #next = 0

  constructor(header: TimelineHeader, events: TimelineEvent[]) {
    this.header = header
    this.#events = events
    this.#terminal = this.#fresh()
  }

  get terminal(): xterm.Terminal {
    return this.#terminal
  }

  get endUs(): number {
    return this.#events.at(-1)?.timeUs ?? 0
  }

  /** When the next event comes, after the moment that is shown. */
  get nextUs(): number | undefined {
    return this.#events[this.#next]?.timeUs
  }

  /** Shows the moment `timeUs`. */
  async seek(timeUs: number): Promise<void> {
    const shown = this.#events[this.#next - 1]?.timeUs ?? 0
    if (timeUs < shown) {
      this.#terminal.dispose()
      this.#terminal = this.#fresh()
      this.#next = 0
    }
    let text = ''
    for (
      let event = this.#events[this.#next];
      event && event.timeUs <= timeUs;
      event = this.#events[++this.#next]
    ) {
      if (event.code === 'o') text += event.data
      const size = event.code === 'r' ? parseSize(event.data) : undefined
      if (!size && text.length < sliceCharactersMax) continue
      await this.#write(text)
      text = ''
      if (size) this.#resize(size.columns, size.rows)
    }
    await this.#write(text)
  }

  close(): void {
    this.#terminal.dispose()
  }

  #fresh(): xterm.Terminal {
    const [cols, rows] = [clampCells(this.header.width), clampCells(this.header.height)]
    this.#guard.reset()
    this.#guard.resize(cols, rows)
    return new xterm.Terminal({ cols, rows, scrollback: 0, allowProposedApi: true })
  }

  #resize(columns: number, rows: number): void {
    this.#guard.resize(columns, rows)
    this.#terminal.resize(columns, rows)
  }

  #write(text: string): Promise<void> {
    const safe = this.#guard.push(text)
    return new Promise((resolve) => this.#terminal.write(safe, resolve))
  }
}
