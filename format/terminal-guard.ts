import { guardCsi } from './csi-guard.ts'
import { cellsMax, clampCells } from './timeline.ts'
import { ZeroWidthCut } from './zero-width.ts'

// Stands between recorded output and every terminal emulator: player, indexer, command line. What comes out draws, and
// does nothing else: no title, clipboard, link, notification, palette, query, answer or mouse mode, and no number that
// makes an emulator loop. Only whole sequences come out, so the emulator's own parser rests between two calls.
//
//   ground ── ESC, C1 ──▶ sequence (held until whole, at most 256 characters) ──▶ ground
//   sequence ── too long ──▶ skipping ── final ──▶ ground
//   sequence ── ] P X ^ _ ──▶ string (swallowed, nothing is kept) ── ST, ESC, CAN, SUB, C1; BEL ends OSC only ──▶ ground

/** No sequence that draws is longer; what is, is swallowed up to its final byte. */
const sequenceCharactersMax = 256

type State = 'ground' | 'skipping' | 'osc' | 'string'

/** A guard's state between two calls. */
export interface Carried {
  state: State
  held: string
  zeroWidthRun: number
}

const special = /[\u0005\u0007\u001b\u0080-\u009f]/g
const oscEnd = /[\u0007\u0018\u001a\u001b\u0080-\u009f]/g
const stringEnd = /[\u0018\u001a\u001b\u0080-\u009f]/g
const wholeCsi = /\u001b\[([<-?]?)([0-9:;]*)([ -/]*)([@-~])/y
// Index, next line and tab set as C1 draw; the sequence openers are spelt as ESC and a letter.
const c1Kept = '\u0084\u0085\u0088'
const c1Openers: Record<string, string> = {
  '\u0090': '\u001bP',
  '\u0098': '\u001bX',
  '\u009b': '\u001b[',
  '\u009d': '\u001b]',
  '\u009e': '\u001b^',
  '\u009f': '\u001b_',
}
/** Save and restore, index, next line, tab set, reverse index, reset, locking shifts, keypad. Not `Z`, which answers. */
const escapeFinals = '78DEHMc=>no|}~'
/** Finals that `guardCsi` lets pass with any parameters of at most four digits. */
const plainFinals = 'ABCDEFGHJK`adefghlmrsu'
const plainDigitsMax = 4
const openBracket = 0x5b
const nine = 0x39
/** Charset choice and the alignment test. */
const escapeIntermediates = '%()*+-./#'

/** Characters from 1 to 1,000 a side, as an emulator may be asked for. */
export function clampSize(columns: number, rows: number): { columns: number; rows: number } {
  return { columns: clampCells(columns), rows: clampCells(rows) }
}

/** More cells than this take seconds to draw when each has its own colour: 640 x 187. What is larger is shown cut. */
const cellsDrawnMax = 120_000

/** The size a screen is drawn at: everywhere the same, or a kept picture would not fit. */
export function drawnSize(columns: number, rows: number): { columns: number; rows: number } {
  const size = clampSize(columns, rows)
  return { columns: size.columns, rows: Math.min(size.rows, Math.floor(cellsDrawnMax / size.columns)) }
}

export class TerminalGuard {
  #state: State = 'ground'
  #held = ''
  #size = { columns: cellsMax, rows: cellsMax }
  readonly #zeroWidth = new ZeroWidthCut()

  /** What is held or being swallowed: with the emulator's state it is all there is. */
  get carried(): Carried {
    return { state: this.#state, held: this.#held, zeroWidthRun: this.#zeroWidth.run }
  }

  /** Goes on where another guard was. */
  carryOn({ state, held, zeroWidthRun }: Carried): void {
    this.#state = state
    this.#held = held
    this.#zeroWidth.run = zeroWidthRun
  }

  /** The emulator's size, so that counts are cut to what the screen can show. */
  resize(columns: number, rows: number): void {
    this.#size = clampSize(columns, rows)
  }

  reset(): void {
    this.carryOn({ state: 'ground', held: '', zeroWidthRun: 0 })
  }

  /** What of `text` may be written. Sequences and characters may be cut anywhere between two calls. */
  push(text: string): string {
    let input = this.#held + text
    this.#held = ''
    const last = input.charCodeAt(input.length - 1)
    if (last >= 0xd800 && last <= 0xdbff) {
      this.#held = input.slice(-1)
      input = input.slice(0, -1)
    }
    // Bytes that are no UTF-8 come as lone surrogates; a screen shows them as U+FFFD.
    if (!input.isWellFormed()) input = input.toWellFormed()
    let out = ''
    let at = 0
    while (at < input.length) {
      if (this.#state === 'ground') {
        const end = plainEnd(input, at)
        if (end > at) {
          this.#zeroWidth.reset()
          if (at === 0 && end === input.length) return input
          out += input.slice(at, end)
          at = end
          continue
        }
      } else {
        const [kept, next] = this.#state === 'skipping' ? this.#skip(input, at) : this.#swallow(input, at)
        out += kept
        at = next
        continue
      }
      special.lastIndex = at
      const found = special.exec(input)?.index ?? input.length
      if (found > at)
        out += this.#zeroWidth.cut(at === 0 && found === input.length ? input : input.slice(at, found))
      if (found === input.length) break
      const [kept, next] = this.#control(input, found)
      if (kept !== '') this.#zeroWidth.reset()
      out += kept
      at = next
    }
    return out
  }

  // One control at `at`: what to write, and where to go on.
  #control(input: string, at: number): [string, number] {
    const character = input[at]!
    if (character === '\u001b') {
      wholeCsi.lastIndex = at
      const csi = wholeCsi.exec(input)
      if (csi && csi[0].length <= sequenceCharactersMax)
        return [guardCsi(csi[1]!, csi[2]!, csi[3]!, csi[4]!, this.#size), wholeCsi.lastIndex]
      return this.#sequence(input, at, at + 1)
    }
    const opener = c1Openers[character]
    if (opener === '\u001b[') return this.#csi(input, at, at + 1, '')
    if (opener) {
      this.#state = opener === '\u001b]' ? 'osc' : 'string'
      return ['', at + 1]
    }
    return [c1Kept.includes(character) ? character : '', at + 1]
  }

  // ESC, intermediates, final; controls in between act at once, as on a real terminal.
  #sequence(input: string, start: number, from: number): [string, number] {
    let early = ''
    let intermediates = ''
    for (let at = from; at < input.length; at++) {
      const character = input[at]!
      if (character < ' ') {
        if (character === '\u001b') return [early, at]
        if (character === '\u0018' || character === '\u001a') return [early, at + 1]
        early += quiet(character)
      } else if (character < '0') {
        intermediates += character
      } else if (character > '~') {
        if (character !== '\u007f') return [early, character < '\u00a0' ? at : at + 1]
      } else if (intermediates === '' && character === '[') {
        return this.#csi(input, start, at + 1, early)
      } else if (intermediates === '' && ']PX^_'.includes(character)) {
        this.#state = character === ']' ? 'osc' : 'string'
        return [early, at + 1]
      } else {
        const known =
          intermediates === ''
            ? escapeFinals.includes(character)
            : intermediates.length === 1 && escapeIntermediates.includes(intermediates)
        return [known ? `${early}\u001b${intermediates}${character}` : early, at + 1]
      }
    }
    return this.#hold(input, start, early)
  }

  #csi(input: string, start: number, from: number, controls: string): [string, number] {
    let early = controls
    let body = ''
    for (let at = from; at < input.length; at++) {
      const character = input[at]!
      if (character < ' ') {
        if (character === '\u001b') return [early, at]
        if (character === '\u0018' || character === '\u001a') return [early, at + 1]
        early += quiet(character)
      } else if (character > '~') {
        if (character !== '\u007f') return [early, character < '\u00a0' ? at : at + 1]
      } else {
        body += character
        if (body.length > sequenceCharactersMax) return this.#hold(input, start, early)
        if (character < '@') continue
        const parts = /^([<-?]?)([0-9:;]*)([ -/]*)([@-~])$/.exec(body)
        if (!parts) return [early, at + 1]
        return [early + guardCsi(parts[1]!, parts[2]!, parts[3]!, parts[4]!, this.#size), at + 1]
      }
    }
    return this.#hold(input, start, early)
  }

  // The sequence goes on in the next piece, unless it is already too long to be one.
  #hold(input: string, start: number, early: string): [string, number] {
    if (input.length - start <= sequenceCharactersMax) {
      this.#held = input.slice(start) + this.#held
      return ['', input.length]
    }
    this.#state = 'skipping'
    return [early, start + sequenceCharactersMax]
  }

  #skip(input: string, from: number): [string, number] {
    for (let at = from; at < input.length; at++) {
      const character = input[at]!
      const opens = character === '\u001b' || (character >= '\u0080' && character <= '\u009f')
      const ends = (character >= '@' && character <= '~') || character === '\u0018' || character === '\u001a'
      if (!opens && !ends) continue
      this.#state = 'ground'
      return ['', opens ? at : at + 1]
    }
    return ['', input.length]
  }

  #swallow(input: string, from: number): [string, number] {
    const end = this.#state === 'osc' ? oscEnd : stringEnd
    end.lastIndex = from
    const found = end.exec(input)?.index
    if (found === undefined) return ['', input.length]
    this.#state = 'ground'
    const again = input[found] === '\u001b' || (input[found]! >= '\u0080' && input[found] !== '\u009c')
    return ['', again ? found : found + 1]
  }
}

const plain = { text: 0, escape: 1, final: 2, parameter: 3, other: 4 }
const plainKinds = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code)
  if (character === '\u001b') return plain.escape
  if (character === '\u0005' || character === '\u0007') return plain.other
  if (plainFinals.includes(character)) return plain.final
  return character >= '0' && character <= ';' ? plain.parameter : plain.text
})

/**
 * Where what passes as it is ends: ASCII text, controls, and sequences that no count makes dear. Most output is nothing
 * else, and looked at only here.
 */
function plainEnd(input: string, from: number): number {
  let at = from
  while (at < input.length) {
    const code = input.charCodeAt(at)
    const kind = code < 128 ? plainKinds[code]! : plain.other
    if (kind === plain.other) return at
    if (kind !== plain.escape) {
      at += 1
      continue
    }
    const end = plainCsiEnd(input, at)
    if (end < 0) return at
    at = end
  }
  return at
}

// The end of the plain sequence at `at`, or -1 where it is another, or not whole.
function plainCsiEnd(input: string, at: number): number {
  if (input.charCodeAt(at + 1) !== openBracket) return -1
  let digits = 0
  const most = Math.min(input.length, at + sequenceCharactersMax)
  for (let next = at + 2; next < most; next++) {
    const code = input.charCodeAt(next)
    const kind = code < 128 ? plainKinds[code]! : plain.other
    if (kind === plain.final) return next + 1
    if (kind !== plain.parameter) return -1
    digits = code <= nine ? digits + 1 : 0
    if (digits > plainDigitsMax) return -1
  }
  return -1
}

// Enquiry asks for an answer and the bell rings for nobody.
function quiet(control: string): string {
  return control === '\u0005' || control === '\u0007' ? '' : control
}
