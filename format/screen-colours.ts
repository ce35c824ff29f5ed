/** Colours of a recorded screen, wherever it is drawn: what was recorded looked one way. */
export const screenColours = {
  background: '#0d1016',
  foreground: '#d6dae2',
  black: '#1c212b',
  red: '#f0676f',
  green: '#6cc48a',
  yellow: '#dfb65c',
  blue: '#6ea3ff',
  magenta: '#c792ea',
  cyan: '#5cc8d0',
  white: '#d6dae2',
  brightBlack: '#7d8799',
  brightRed: '#ff8a90',
  brightGreen: '#8fe0aa',
  brightYellow: '#f4d07e',
  brightBlue: '#96bdff',
  brightMagenta: '#dcb0f5',
  brightCyan: '#85e0e6',
  brightWhite: '#ffffff',
} as const

const { background: _ground, foreground: _ink, ...sixteen } = screenColours
const cube = [0, 95, 135, 175, 215, 255]

/** The colours by number, as 0xRRGGBB: the 16 above, a cube of 6 x 6 x 6, and 24 greys. */
export const palette: readonly number[] = [
  ...Object.values(sixteen).map((colour) => Number.parseInt(colour.slice(1), 16)),
  ...Array.from(
    { length: 216 },
    (_, at) => (cube[Math.floor(at / 36)]! << 16) | (cube[Math.floor(at / 6) % 6]! << 8) | cube[at % 6]!,
  ),
  ...Array.from({ length: 24 }, (_, at) => (8 + at * 10) * 0x010101),
]
