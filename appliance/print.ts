// What goes to the operator's terminal. Names in recordings are written by those who are recorded, so nothing of them
// may act on it: control characters are shown, not sent.

export function escapeControls(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (character) =>
      character === '\t' ? ' ' : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
}

/** Columns as wide as their longest cell, at most `cellMax`; the last column is not cut. */
export function table(head: string[], rows: string[][], cellMax = 40): string {
  const cells = [head, ...rows].map((row) =>
    row.map((cell, i) => cut(escapeControls(cell), i < row.length - 1 ? cellMax : 400)),
  )
  const widths = head.map((_, i) => Math.max(...cells.map((row) => row[i]!.length)))
  const lines = cells.map((row) =>
    row.map((cell, i) => (i < row.length - 1 ? cell.padEnd(widths[i]!) : cell)).join('  '),
  )
  return `${lines.join('\n')}\n`
}

export function fields(entries: [name: string, value: string | undefined][]): string {
  const shown = entries.filter((entry): entry is [string, string] => entry[1] !== undefined)
  const width = Math.max(...shown.map(([name]) => name.length))
  return shown.map(([name, value]) => `${name.padEnd(width)}  ${escapeControls(value)}\n`).join('')
}

export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = count
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`
}

export function duration(ms: number): string {
  const total = Math.round(ms / 1000)
  const part = (value: number) => String(value).padStart(2, '0')
  return `${part(Math.floor(total / 3600))}:${part(Math.floor(total / 60) % 60)}:${part(total % 60)}`
}

/** Local time with its zone's offset, as `2026-11-24 14:05:09 +0100`. */
export function localTime(iso: string): string {
  const date = new Date(iso)
  const offset = -date.getTimezoneOffset()
  const pad = (value: number) => String(Math.floor(Math.abs(value))).padStart(2, '0')
  const local = new Date(date.getTime() + offset * 60_000).toISOString()
  return `${local.slice(0, 10)} ${local.slice(11, 19)} ${offset < 0 ? '-' : '+'}${pad(offset / 60)}${pad(offset % 60)}`
}

function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1)}…`
}
