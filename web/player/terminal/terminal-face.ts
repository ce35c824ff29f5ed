import type { ScreenFace } from '../screen.ts'
import { drawScreen } from './draw-screen.ts'
import type { Emulator } from './emulator.ts'
import { fitTerminal, naturalSize } from './fit.ts'

/** How a terminal is seen: glyphs are drawn at the size they have, so that it is always sharp. */
export function openTerminalFace({ terminal }: Emulator): ScreenFace {
  return {
    hasPixels: false,
    mount(host) {
      terminal.open(host)
      // Nothing is ever typed here, so nothing may take the keyboard from the player.
      if (terminal.textarea) terminal.textarea.disabled = true
      // What a reviewer marks on the screen is what they copy; without the keyboard xterm.js does not see it.
      const copy = (event: ClipboardEvent) => {
        if (!terminal.hasSelection()) return
        event.clipboardData?.setData('text/plain', terminal.getSelection())
        event.preventDefault()
      }
      addEventListener('copy', copy)
      return () => removeEventListener('copy', copy)
    },
    layOut(layout, box) {
      if (layout === 'pan') naturalSize(terminal)
      else fitTerminal(terminal, box)
    },
    onChange(changed) {
      const listening = [
        terminal.onRender(() => changed('picture')),
        terminal.onResize(() => changed('size')),
      ]
      return () => {
        for (const listener of listening) listener.dispose()
      }
    },
    drawSmall: (canvas, width) => drawScreen(canvas, terminal, width),
  }
}
