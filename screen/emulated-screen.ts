import xterm from '@xterm/headless'
import { DrawBudget } from '../format/draw-budget.ts'
import { drawnSize, TerminalGuard } from '../format/terminal-guard.ts'
import { type Emulated, type Picture, restoreSnapshot, takeSnapshot } from '../format/terminal-snapshot.ts'

/** Characters in one go: between two it is seen how dear they were. Few at first: a hostile piece shows its cost on them. */
const sliceCharacters = { least: 256, first: 4096, most: 65_536 }
/** How long one go may take; slices are made longer or shorter towards it. */
const sliceMs = 12

/** Of xterm.js's inner parts: its parser takes text at once, where `write` waits for a timer between pieces. */
interface Core {
  _inputHandler: { parse(text: string): void }
}

/** An emulator behind the guard, drawn on at once and seen by nobody. It draws what the player draws, cell for cell. */
export class EmulatedScreen {
  readonly terminal: xterm.Terminal
  readonly #guard = new TerminalGuard()
  readonly #budget: DrawBudget
  readonly #cpuMs: () => number
  #slice = sliceCharacters.first
  #leftOut = false

  /** `cpuMs` = processor time of this thread, which says more about output than the clock of a busy machine. */
  constructor(columns: number, rows: number, cpuMs: () => number = () => performance.now()) {
    this.#cpuMs = cpuMs
    this.#budget = new DrawBudget()
    const size = drawnSize(columns, rows)
    this.terminal = new xterm.Terminal({
      cols: size.columns,
      rows: size.rows,
      scrollback: 0,
      allowProposedApi: true,
      logLevel: 'off',
    })
    this.#guard.resize(size.columns, size.rows)
  }

  /** Output was left out since it would have held everything up: what is shown from then on is not what was. */
  get leftOut(): boolean {
    return this.#leftOut
  }

  resize(columns: number, rows: number): void {
    const size = drawnSize(columns, rows)
    this.#guard.resize(size.columns, size.rows)
    this.terminal.resize(size.columns, size.rows)
  }

  write(text: string): void {
    const safe = this.#guard.push(text)
    for (let at = 0; at < safe.length; ) {
      if (this.#budget.spent) {
        this.#budget.take(safe.length - at, 0)
        this.#leftOut = true
        return
      }
      const slice = safe.slice(at, at + this.#slice)
      const startedMs = this.#cpuMs()
      this.#core._inputHandler.parse(slice)
      this.#measure(slice.length, this.#cpuMs() - startedMs)
      at += slice.length
    }
  }

  picture(): Picture {
    return { screen: takeSnapshot(this.#emulated), carried: this.#guard.carried }
  }

  restore({ screen, carried }: Picture): void {
    this.#guard.resize(screen.columns, screen.rows)
    this.#guard.carryOn(carried)
    restoreSnapshot(this.#emulated, screen)
  }

  dispose(): void {
    this.terminal.dispose()
  }

  get #emulated(): Emulated {
    return this.terminal as unknown as Emulated
  }

  get #core(): Core {
    return (this.terminal as unknown as { _core: Core })._core
  }

  #measure(characters: number, tookMs: number): void {
    this.#budget.take(characters, tookMs)
    const fitting = Math.min(this.#slice * 2, (characters / Math.max(tookMs, 1)) * sliceMs)
    this.#slice = Math.round(Math.max(sliceCharacters.least, Math.min(sliceCharacters.most, fitting)))
  }
}
