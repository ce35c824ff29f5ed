import { setTimeout as sleep } from 'node:timers/promises'
import type { PlayKey } from './keys.ts'
import type { Playback } from './playback.ts'
import { duration } from './print.ts'
import { ScreenPainter } from './screen-painter.ts'

/** A picture this often at most: what a terminal shows without flicker. */
const pictureMs = 33
export const speedMin = 0.25
export const speedMax = 32
/** What `s` leaves of a time in which nothing happens. */
const skippedIdleMs = 1000

export interface TerminalPlayerOptions {
  speed: number
  /** Nothing happening is waited for no longer than this. */
  idleMs?: number
  size(): { columns: number; rows: number }
  write(text: string): void
}

/** Plays on a terminal until `quit`. Keys may come at any time, also while a long way is being drawn. */
export class TerminalPlayer {
  readonly #playback: Playback
  readonly #options: TerminalPlayerOptions
  readonly #painter = new ScreenPainter()
  #speed: number
  #atUs = 0
  #playing = true
  #skipIdle = false
  #jumped = false
  #done = false
  #wake = new AbortController()

  constructor(playback: Playback, options: TerminalPlayerOptions) {
    this.#playback = playback
    this.#options = options
    this.#speed = options.speed
  }

  async run(): Promise<void> {
    let lastMs = performance.now()
    while (!this.#done) {
      const { signal } = this.#wake
      await this.#playback.seek(this.#atUs, signal)
      // The way there is no playing time.
      if (this.#jumped && !signal.aborted) {
        this.#jumped = false
        lastMs = performance.now()
      }
      this.#draw()
      const waitMs = this.#playing ? pictureMs : 3_600_000
      if (!signal.aborted) await sleep(waitMs, undefined, { signal }).catch(() => undefined)
      if (signal.aborted) this.#wake = new AbortController()
      const nowMs = performance.now()
      if (this.#playing && !this.#jumped) this.#advance((nowMs - lastMs) * 1000 * this.#speed)
      lastMs = nowMs
    }
  }

  /** The terminal has another size, or shows something else. */
  redraw(): void {
    this.#painter.clear()
    this.#wake.abort()
  }

  press(key: PlayKey): void {
    const { endUs } = this.#playback
    switch (key.kind) {
      case 'quit':
        this.#done = true
        break
      case 'pause':
        this.#playing = !this.#playing
        // Play at the end begins again.
        if (this.#playing && this.#atUs >= endUs) this.#jump(0)
        break
      case 'skipIdle':
        this.#skipIdle = !this.#skipIdle
        break
      case 'faster':
        this.#speed = Math.min(speedMax, this.#speed * 2)
        break
      case 'slower':
        this.#speed = Math.max(speedMin, this.#speed / 2)
        break
      case 'start':
        this.#jump(0)
        break
      case 'end':
        this.#jump(endUs)
        break
      case 'step':
        this.#jump(this.#atUs + key.seconds * 1e6)
        break
      default:
        key satisfies never
    }
    this.#wake.abort()
  }

  #jump(us: number): void {
    this.#atUs = Math.max(0, Math.min(this.#playback.endUs, us))
    this.#jumped = true
  }

  #advance(us: number): void {
    const { nextUs, endUs } = this.#playback
    const idleMs = this.#skipIdle ? skippedIdleMs : this.#options.idleMs
    const idleUs = (idleMs ?? Number.POSITIVE_INFINITY) * 1000
    // Nothing happens until `nextUs`: no longer than the idle limit is waited for it.
    if (nextUs !== undefined && nextUs - this.#atUs > idleUs) this.#atUs = nextUs - idleUs
    this.#atUs += us
    if (this.#atUs < endUs) return
    this.#atUs = endUs
    this.#playing = false
  }

  #draw(): void {
    const { columns, rows } = this.#options.size()
    const { terminal, endUs, leftOut } = this.#playback
    const lost = this.#playback.lostAt(this.#atUs)
    const facts = [
      this.#playing ? 'playing' : 'paused ',
      `${duration(this.#atUs / 1000)} / ${duration(endUs / 1000)}`,
      lost ? `DATA LOST HERE: ${lost.reason}` : '',
      `${this.#speed}x`,
      this.#skipIdle ? 'skip idle' : '',
      leftOut ? 'hostile output left out' : '',
      terminal.cols > columns || terminal.rows > rows - 1 ? `cut from ${terminal.cols}x${terminal.rows}` : '',
      ' space  ← →  + -  s  q',
    ]
    const bar = facts
      .filter((fact) => fact !== '')
      .join('  ')
      .slice(0, columns)
      .padEnd(columns)
    this.#options.write(
      `\u001b[?25l\u001b[${rows};1H\u001b[0;7m${bar}\u001b[0m${this.#painter.paint(terminal, columns, rows - 1)}\u001b[?25h`,
    )
  }
}
