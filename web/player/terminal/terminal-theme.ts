import type { ITheme } from '@xterm/xterm'
import { screenColours } from '../../../format/screen-colours.ts'

/** The same in light and dark. Contrast of each colour on the ground is at least 4.5:1. */
export const terminalTheme: ITheme = {
  ...screenColours,
  cursor: screenColours.foreground,
  cursorAccent: screenColours.background,
  selectionBackground: '#3b5b92',
}
