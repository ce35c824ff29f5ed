// Which control sequences (CSI) may reach a screen, and with which numbers. A list of what draws, not of what harms: what
// an emulator learns tomorrow stays out until someone has looked at it.

/** Larger numbers address nothing on any screen, and emulators loop that often: `ESC[2147483647b` took one 80 s and 8 GB. */
export const csiParameterMax = 10_000

// Finals by prefix and intermediates. Not here, because they answer, resize, print or change what input means: c n t x i q p.
const drawing: Record<string, string> = {
  '': '@ABCDEFGHIJKLMPSTXZ`abdefghjklmrsu',
  '?': 'JKhl',
  ' ': '@Aq',
  '!': 'p',
  '"': 'q',
  "'": '}~',
}

// Private modes that change the picture: charset, reverse, origin, wrap, blink, cursor, reverse wrap, other screens.
// Mouse, focus and paste modes make an emulator answer; 2026 withholds the picture; 3 resizes.
const drawingModes = new Set([5, 6, 7, 12, 25, 45, 47, 1047, 1048, 1049])

// Finals that emulators run once a count: no count above the screen's own size does more.
const countedRows = 'LMST'
const countedColumns = '@IPXZ}~A'
const tooLong = /\d{5,}/
const numbers = /\d+/g

export interface ScreenSize {
  columns: number
  rows: number
}

/** The sequence to write in place of `CSI prefix parameters intermediates final` on a screen of `size`, or '' for none. */
export function guardCsi(
  prefix: string,
  parameters: string,
  intermediates: string,
  final: string,
  size: ScreenSize,
): string {
  if (!drawing[prefix + intermediates]?.includes(final)) return ''
  let kept = parameters
  if (prefix === '?' && (final === 'h' || final === 'l')) {
    kept = kept
      .split(';')
      .filter((mode) => drawingModes.has(Number(mode)))
      .join(';')
    if (kept === '') return ''
  }
  if (tooLong.test(kept)) kept = clampNumbers(kept, csiParameterMax)
  if (kept.length > 1 && final !== 'm') {
    // Repeats beyond a full screen only scroll away.
    if (final === 'b') kept = clampNumbers(kept, size.columns * size.rows)
    else if (countedRows.includes(final)) kept = clampNumbers(kept, size.rows)
    else if (countedColumns.includes(final) && (final !== 'A' || intermediates === ' '))
      kept = clampNumbers(kept, size.columns)
  }
  return `\u001b[${prefix}${kept}${intermediates}${final}`
}

function clampNumbers(parameters: string, max: number): string {
  return parameters.replace(numbers, (digits) => String(Math.min(Number(digits), max)))
}
