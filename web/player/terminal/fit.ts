import type { Terminal } from '@xterm/xterm'

/** Font sizes tried, in CSS pixels: the least still shows the shape of a wide screen on a phone, above it is only larger. */
const fontPixels = { least: 2, most: 26, natural: 14 }
/** Halves keep glyphs sharp enough and come close to filling the width. */
const step = 0.5
/** A guess from the measured size is right or off by a step or two. */
const triesMax = 5

/** Chooses the largest font with which the whole screen fits `box`. Glyphs are drawn at that size, never stretched. */
export function fitTerminal(terminal: Terminal, box: HTMLElement): void {
  const style = getComputedStyle(box)
  const width = box.clientWidth - Number.parseFloat(style.paddingLeft) - Number.parseFloat(style.paddingRight)
  const height =
    box.clientHeight - Number.parseFloat(style.paddingTop) - Number.parseFloat(style.paddingBottom)
  const screen = terminal.element?.querySelector<HTMLElement>('.xterm-screen')
  if (!screen || width <= 0 || height <= 0) return
  for (let tries = 0; tries < triesMax; tries++) {
    const size = terminal.options.fontSize ?? fontPixels.natural
    const drawn = { width: screen.offsetWidth, height: screen.offsetHeight }
    if (drawn.width === 0 || drawn.height === 0) return
    const scale = Math.min(width / drawn.width, height / drawn.height)
    const wanted = tries === 0 || scale < 1 ? size * scale : size
    const next = Math.max(fontPixels.least, Math.min(fontPixels.most, Math.floor(wanted / step) * step))
    if (next === size) {
      if (scale >= 1 || size === fontPixels.least) return
      terminal.options.fontSize = size - step
    } else terminal.options.fontSize = next
  }
}

export function naturalSize(terminal: Terminal): void {
  terminal.options.fontSize = fontPixels.natural
}
