import type { SerializeAddon } from '@xterm/addon-serialize'
import { Terminal } from '@xterm/xterm'
import { clampSize, TerminalGuard } from '../../format/terminal-guard.ts'
import { openSerializer, type Snapshot, takeSnapshot } from './snapshot.ts'
import { terminalTheme } from './terminal-theme.ts'

/** Lines kept above the screen: nobody scrolls in a player, which seeks instead. */
const scrollbackLines = 0
/** More cells than this take seconds to draw: 1,000 x 250. What is larger is shown cut. */
const cellsDrawnMax = 250_000
/** Characters in one go, between which the page stays alive; fewer on large screens, where a character can cost more. */
const sliceCharacters = { small: 16_384, large: 2048 }
const smallCells = 30_000
/** Characters queued in the emulator at once: what a hostile piece can still cost after it is noticed. */
const batchCharacters = 131_072
/** A batch that draws for longer is hostile: ordinary output takes 5 to 20 ms. The rest of that output is left out. */
const batchMsMax = 2000

/** An xterm.js behind the guard. Recorded bytes draw on it and act on nothing else; without `open` it draws unseen. */
export class Emulator {
  readonly terminal: Terminal
  readonly #guard = new TerminalGuard()
  readonly #serializer: SerializeAddon
  #queue: Promise<void> = Promise.resolve()
  #pending = 0
  #generation = 0
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
      // Text in the colour of its ground would be hidden from the reviewer.
      minimumContrastRatio: 3,
      fontFamily: getComputedStyle(document.documentElement).getPropertyValue('--font-mono'),
      theme: terminalTheme,
      logLevel: 'off',
      linkHandler: { activate: () => undefined },
    })
    this.#serializer = openSerializer(this.terminal)
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

  /** True when no sequence is half given: a picture taken now is all there is. */
  get atRest(): boolean {
    return this.#guard.atRest
  }

  resize(columns: number, rows: number): void {
    const size = drawnSize(columns, rows)
    this.#guard.resize(size.columns, size.rows)
    if (size.columns === this.terminal.cols && size.rows === this.terminal.rows) return
    // In order with what is still being written.
    if (this.#pending === 0) this.terminal.resize(size.columns, size.rows)
    else this.#then(async () => this.terminal.resize(size.columns, size.rows))
  }

  /** Draws output. The promise is for who must wait; most need not. */
  write(text: string): Promise<void> {
    const safe = this.#guard.push(text)
    if (safe === '') return this.#queue
    this.#pending += safe.length
    if (this.#pending === safe.length && safe.length <= sliceCharacters.large) {
      // The way of live bytes: straight to the emulator.
      return this.#then(() => this.#draw(safe), true)
    }
    return this.#then(() => this.#drawSlices(safe))
  }

  /** Shows a picture in place of everything before. */
  restore(snapshot: Snapshot): Promise<void> {
    this.#generation += 1
    this.#guard.reset()
    this.#guard.resize(snapshot.columns, snapshot.rows)
    const text = `\u001bc${snapshot.text}`
    this.#pending += text.length
    return this.#then(async () => {
      this.terminal.resize(snapshot.columns, snapshot.rows)
      await this.#draw(text)
    })
  }

  /** The picture now; waits for what is being drawn. */
  async snapshot(): Promise<Snapshot> {
    await this.#queue
    return takeSnapshot(this.terminal, this.#serializer)
  }

  dispose(): void {
    this.#generation += 1
    this.terminal.dispose()
  }

  #then(work: () => Promise<void>, now = false): Promise<void> {
    this.#queue = now ? work() : this.#queue.then(work)
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

  async #drawSlices(text: string): Promise<void> {
    const generation = this.#generation
    const large = this.terminal.cols * this.terminal.rows > smallCells
    const slice = large ? sliceCharacters.large : sliceCharacters.small
    for (let at = 0; at < text.length; ) {
      if (generation !== this.#generation) {
        this.#pending -= text.length - at
        return
      }
      const started = performance.now()
      const end = Math.min(text.length, at + batchCharacters)
      const drawn: Promise<void>[] = []
      for (; at < end; at += slice) drawn.push(this.#draw(text.slice(at, Math.min(end, at + slice))))
      at = end
      await Promise.all(drawn)
      if (performance.now() - started < batchMsMax || at === text.length || document.hidden) continue
      this.#pending -= text.length - at
      this.onLeftOut?.(text.length - at)
      return
    }
  }
}

export function drawnSize(columns: number, rows: number): { columns: number; rows: number } {
  const size = clampSize(columns, rows)
  return { columns: size.columns, rows: Math.min(size.rows, Math.floor(cellsDrawnMax / size.columns)) }
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
