/** Marks kept on one character. More are drawn by nobody, and an emulator keeps all of them in one cell: 1 MB of them hangs it. */
export const zeroWidthRunMax = 16

// Everything an emulator may join to the cell before: marks, format characters, Hangul vowels and finals, tags.
const zeroWidth = /[\p{M}\p{Cf}\u06de\u1160-\u11ff\u2028\u2029\u{e0000}-\u{e0fff}]/u
const ascii = /^[\0-\u{7f}]*$/u

/** Cuts runs of zero-width characters, also when they come in pieces. */
export class ZeroWidthCut {
  /** How many came in a row so far; all there is to carry over to another. */
  run = 0

  /** Whatever moves or draws in between ends the run. */
  reset(): void {
    this.run = 0
  }

  cut(text: string): string {
    if (text === '') return text
    if (ascii.test(text) || !zeroWidth.test(text)) {
      this.run = 0
      return text
    }
    let kept = ''
    for (const character of text) {
      this.run = zeroWidth.test(character) ? this.run + 1 : 0
      if (this.run <= zeroWidthRunMax) kept += character
    }
    return kept
  }
}
