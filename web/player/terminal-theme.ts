import type { ITheme } from '@xterm/xterm'

/** The same in light and dark: what was recorded looked one way. Contrast of each colour on the ground is at least 4.5:1. */
export const terminalTheme: ITheme = {
  background: '#0d1016',
  foreground: '#d6dae2',
  cursor: '#d6dae2',
  cursorAccent: '#0d1016',
  selectionBackground: '#3b5b92',
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
}
