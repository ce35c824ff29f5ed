import { Terminal } from '@xterm/xterm'
import { DrawBudget } from '../../../format/draw-budget.ts'
import { drawnSize, TerminalGuard } from '../../../format/terminal-guard.ts'
import {
  type Picture,
  restoreSnapshot,
  type Snapshot,
  takeSnapshot,
} from '../../../format/terminal-snapshot.ts'
import { terminalTheme } from './terminal-theme.ts'

/** Lines kept above the screen: nobody scrolls in a player, which seeks instead. */
const scrollbackLines = 0
/** Characters in one go, between which the page stays alive. Few at first: a hostile piece shows its cost on them. */
const sliceCharacters = { least: 256, first: 4096, most: 32_768 }
/** How long one go may take; slices are made longer or shorter towards it. */
const sliceMs = 12
/** Slices given at once: the emulator rests between them by itself. */
const slicesAtOnce = 4

/** An xterm.js behind the guard. Recorded bytes draw on it and act on nothing else; without `open` it draws unseen. */
export class Emulator {
  readonly terminal: Terminal
  readonly #guard = new TerminalGuard()
  #queue: Promise<void> = Promise.resolve()
  #jobs = 0
  #pending = 0
  #generation = 0
  #slice = sliceCharacters.first
  readonly #budget = new DrawBudget()
  /** Told when output is left out, with how many characters. */
  onLeftOut: ((characters: number) => void) | undefined

  constructor() {
    this.terminal = new Terminal({
      cols: 80,
      rows: 24,
      scrollback: scrollbackLines,
      disableStdin: true,
      allowProposedApi: true,
      cursorBlink: false,
      cursorInactiveStyle: 'block',
      fontFamily: getComputedStyle(document.documentElement).getPropertyValue('--font-mono'),
      theme: terminalTheme,
      logLevel: 'off',
      linkHandler: { activate: () => undefined },
    })
    refuseActions(this.terminal)
    this.resize(80, 24)
  }

  /** Characters given and not yet drawn. */
  get pendingCharacters(): number {
    return this.#pending
  }

  /** Resolves once everything given so far is drawn. */
  get settled(): Promise<void> {
    return this.#queue
  }

  resize(columns: number, rows: number): void {
    const size = drawnSize(columns, rows)
    this.#guard.resize(size.columns, size.rows)
    this.#then(async () => this.terminal.resize(size.columns, size.rows))
  }

  /** Draws output. The promise is for who must wait; most need not. */
  write(text: string): Promise<void> {
    const safe = this.#guard.push(text)
    if (safe === '') return this.#queue
    this.#pending += safe.length
    const generation = this.#generation
    // Live bytes come in small pieces, which need no slicing and no measuring.
    if (safe.length <= sliceCharacters.least) return this.#then(() => this.#draw(safe))
    return this.#then(() => this.#drawSlices(safe, generation))
  }

  /** Shows a picture in place of everything before, also of what was given and is not drawn yet. */
  restore({ screen, carried }: Picture): Promise<void> {
    this.#generation += 1
    this.#guard.resize(screen.columns, screen.rows)
    this.#guard.carryOn(carried)
    return this.#then(async () => {
      restoreSnapshot(this.terminal, screen)
      this.terminal.refresh(0, screen.rows - 1)
    })
  }

  /** The picture after all that was given so far. */
  async picture(): Promise<Picture> {
    const { carried } = this.#guard
    let screen: Snapshot | undefined
    await this.#then(async () => {
      screen = takeSnapshot(this.terminal)
    })
    return { screen: screen!, carried }
  }

  dispose(): void {
    this.#generation += 1
    this.terminal.dispose()
  }

  // In the order given; at once when nothing is before it.
  #then(work: () => Promise<void>): Promise<void> {
    const done = this.#jobs === 0 ? work() : this.#queue.then(work, work)
    this.#jobs += 1
    this.#queue = done.finally(() => {
      this.#jobs -= 1
    })
    return this.#queue
  }

  #draw(text: string): Promise<void> {
    return new Promise((resolve) =>
      this.terminal.write(text, () => {
        this.#pending -= text.length
        resolve()
      }),
    )
  }

  async #drawSlices(text: string, generation: number): Promise<void> {
    for (let at = 0; at < text.length; ) {
      const stale = generation !== this.#generation
      if (stale || this.#budget.spent) {
        const left = text.length - at
        this.#pending -= left
        if (!stale) this.#leaveOut(left)
        return
      }
      const started = performance.now()
      const from = at
      const drawn: Promise<void>[] = []
      for (let i = 0; i < slicesAtOnce && at < text.length; i++, at += this.#slice)
        drawn.push(this.#draw(text.slice(at, at + this.#slice)))
      at = Math.min(at, text.length)
      await Promise.all(drawn)
      // A hidden page is given little time, which says nothing about the output.
      if (!document.hidden) this.#measure(at - from, performance.now() - started)
    }
  }

  #measure(characters: number, tookMs: number): void {
    this.#budget.take(characters, tookMs)
    const fitting = (characters / Math.max(tookMs, 1)) * sliceMs
    const next = Math.min(this.#slice * 2, fitting)
    this.#slice = Math.round(Math.max(sliceCharacters.least, Math.min(sliceCharacters.most, next)))
  }

  #leaveOut(characters: number): void {
    this.#budget.take(characters, 0)
    this.onLeftOut?.(characters)
  }
}

// The guard lets none of these through; should it fail, the emulator knows no way either.
function refuseActions(terminal: Terminal): void {
  const handled = () => true
  for (const id of [0, 1, 2, 4, 7, 8, 9, 10, 11, 12, 52, 99, 104, 110, 111, 112, 133, 633, 777, 1337])
    terminal.parser.registerOscHandler(id, handled)
  for (const final of ['c', 'n', 't', 'x']) {
    terminal.parser.registerCsiHandler({ final }, handled)
    terminal.parser.registerCsiHandler({ prefix: '?', final }, handled)
    terminal.parser.registerCsiHandler({ prefix: '>', final }, handled)
  }
  terminal.parser.registerCsiHandler({ intermediates: '$', final: 'p' }, handled)
  terminal.parser.registerCsiHandler({ prefix: '?', intermediates: '$', final: 'p' }, handled)
  terminal.parser.registerDcsHandler({ intermediates: '$', final: 'q' }, handled)
  terminal.attachCustomKeyEventHandler(() => false)
}
