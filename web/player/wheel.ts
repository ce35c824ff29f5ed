import { wheelMoveUs } from './keyboard.ts'
import type { Player } from './player.ts'

/** Pixels of one line, for wheels that report lines. */
const linePixels = 33

/** Seeks with the wheel over `element`; turns of one frame are added up into one seek. Returns how to stop. */
export function seekWithWheel(element: HTMLElement, player: Player): () => void {
  let moveUs = 0
  let request = 0
  const onWheel = (event: WheelEvent) => {
    event.preventDefault()
    event.stopPropagation()
    const pixels = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * linePixels : event.deltaY
    moveUs += wheelMoveUs(pixels, event.ctrlKey)
    if (request !== 0) return
    request = requestAnimationFrame(() => {
      request = 0
      player.by(moveUs)
      moveUs = 0
    })
  }
  // Captured, or xterm.js would scroll with it.
  element.addEventListener('wheel', onWheel, { passive: false, capture: true })
  return () => {
    cancelAnimationFrame(request)
    element.removeEventListener('wheel', onWheel, { capture: true })
  }
}
