import xterm from '@xterm/headless'
import { DrawBudget } from '../format/draw-budget.ts'
import { TerminalGuard } from '../format/terminal-guard.ts'
import { clampCells, parseSize, type TimelineEvent, type TimelineHeader } from '../format/timeline.ts'

// A recording's events, and the emulated screen at a moment of it. Moving back starts again from the beginning: a
// terminal recording of an hour is drawn in well under a second.

/** Where data was lost, in µs since the start. */
export interface LostRange {
  fromUs: number
  toUs: number
  reason: string
}

/** A loss of a moment is shown for so long. */
const lostShownUs = 3_000_000
/** One write to the emulator, so that keys are looked at in between and a hostile piece shows its cost. */
const sliceCharactersMax = 16 * 1024
const sliceCharactersMin = 256
/** How long one write should take; slices are made longer or shorter towards it. */
const sliceMs = 12

export class Playback {
  readonly header: TimelineHeader
  readonly #events: TimelineEvent[]
  readonly #lost: LostRange[]
  readonly #guard = new TerminalGuard()
  readonly #budget = new DrawBudget()
  #terminal: xterm.Terminal
  #next = 0
  /** Behind the guard, not yet in the emulator. */
  #undrawn = ''
  #slice = 4096
  #leftOut = false

  constructor(header: TimelineHeader, events: TimelineEvent[], lost: LostRange[] = []) {
    this.header = header
    this.#events = events
    this.#lost = lost
    this.#terminal = this.#fresh()
  }

  get terminal(): xterm.Terminal {
    return this.#terminal
  }

  get endUs(): number {
    return Math.max(this.#events.at(-1)?.timeUs ?? 0, this.#lost.at(-1)?.toUs ?? 0)
  }

  lostAt(timeUs: number): LostRange | undefined {
    return this.#lost.findLast(
      ({ fromUs, toUs }) => fromUs <= timeUs && timeUs <= Math.max(toUs, fromUs + lostShownUs),
    )
  }

  /** When the next event comes, after the moment that is shown. */
  get nextUs(): number | undefined {
    return this.#events[this.#next]?.timeUs
  }

  /** Output was passed over that would have held the screen up for long. */
  get leftOut(): boolean {
    return this.#leftOut
  }

  /** Shows the moment `timeUs`. Stopped by `signal`, it shows one on the way there, and goes on from that. */
  async seek(timeUs: number, signal: AbortSignal): Promise<void> {
    const shown = this.#events[this.#next - 1]?.timeUs ?? 0
    if (timeUs < shown) {
      this.#terminal.dispose()
      this.#terminal = this.#fresh()
      this.#next = 0
    }
    while (true) {
      await this.#draw(signal)
      const event = this.#events[this.#next]
      if (signal.aborted || !event || event.timeUs > timeUs) return
      this.#next += 1
      const size = event.code === 'r' ? parseSize(event.data) : undefined
      if (size) this.#resize(size.columns, size.rows)
      if (event.code === 'o') this.#undrawn = this.#guard.push(this.#gather(event.data, timeUs))
    }
  }

  close(): void {
    this.#terminal.dispose()
  }

  #fresh(): xterm.Terminal {
    const [cols, rows] = [clampCells(this.header.width), clampCells(this.header.height)]
    this.#undrawn = ''
    this.#guard.reset()
    this.#guard.resize(cols, rows)
    return new xterm.Terminal({ cols, rows, scrollback: 0, allowProposedApi: true })
  }

  #resize(columns: number, rows: number): void {
    this.#guard.resize(columns, rows)
    this.#terminal.resize(columns, rows)
  }

  // `text` and the output that follows it, up to a slice.
  #gather(text: string, timeUs: number): string {
    let all = text
    while (all.length < sliceCharactersMax) {
      const event = this.#events[this.#next]
      if (event?.code !== 'o' || event.timeUs > timeUs) break
      all += event.data
      this.#next += 1
    }
    return all
  }

  async #draw(signal: AbortSignal): Promise<void> {
    while (this.#undrawn !== '' && !signal.aborted) {
      if (this.#budget.spent) {
        this.#budget.take(this.#undrawn.length, 0)
        this.#undrawn = ''
        this.#leftOut = true
        return
      }
      const slice = this.#undrawn.slice(0, this.#slice)
      this.#undrawn = this.#undrawn.slice(slice.length)
      const startedMs = performance.now()
      await new Promise<void>((resolve) => this.#terminal.write(slice, resolve))
      this.#measure(slice.length, performance.now() - startedMs)
    }
  }

  #measure(characters: number, tookMs: number): void {
    this.#budget.take(characters, tookMs)
    const fitting = Math.min(this.#slice * 2, (characters / Math.max(tookMs, 1)) * sliceMs)
    this.#slice = Math.round(Math.max(sliceCharactersMin, Math.min(sliceCharactersMax, fitting)))
  }
}
