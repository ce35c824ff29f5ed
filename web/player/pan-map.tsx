import { useEffect, useRef } from 'preact/hooks'
import type { ScreenFace } from './screen.ts'

const widthPixels = 150
/** The map follows the screen, which may change with every frame, at this rate. */
const redrawMs = 250

/** The whole screen, small, with what `view` shows of it; drag on it to pan. */
export function PanMap({ face, view }: { face: ScreenFace; view: { current: HTMLElement | null } }) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const frame = useRef<HTMLDivElement>(null)
  const map = useRef<HTMLDivElement>(null)

  useEffect(() => {
    const element = view.current!
    let timer = 0
    const place = () => {
      const { scrollLeft, scrollTop, scrollWidth, scrollHeight, clientWidth, clientHeight } = element
      const all = clientWidth >= scrollWidth && clientHeight >= scrollHeight
      if (map.current) map.current.hidden = all
      Object.assign(frame.current?.style ?? {}, {
        left: `${(scrollLeft / scrollWidth) * 100}%`,
        top: `${(scrollTop / scrollHeight) * 100}%`,
        width: `${(clientWidth / scrollWidth) * 100}%`,
        height: `${(clientHeight / scrollHeight) * 100}%`,
      })
    }
    const redraw = () => {
      timer = 0
      if (canvas.current) canvas.current.style.height = `${face.drawSmall(canvas.current, widthPixels)}px`
      place()
    }
    const later = () => {
      timer ||= window.setTimeout(redraw, redrawMs)
    }
    const unlisten = face.onChange(later)
    const observer = new ResizeObserver(place)
    observer.observe(element)
    element.addEventListener('scroll', place, { passive: true })
    redraw()
    return () => {
      clearTimeout(timer)
      unlisten()
      observer.disconnect()
      element.removeEventListener('scroll', place)
    }
  }, [face, view])

  const pan = (event: PointerEvent) => {
    if (event.buttons !== 1) return
    const box = map.current!.getBoundingClientRect()
    const { scrollWidth, scrollHeight, clientWidth, clientHeight } = view.current!
    view.current!.scrollTo(
      ((event.clientX - box.left) / box.width) * scrollWidth - clientWidth / 2,
      ((event.clientY - box.top) / box.height) * scrollHeight - clientHeight / 2,
    )
  }
  return (
    <div
      class="pan-map"
      ref={map}
      data-testid="pan-map"
      title="Drag to pan"
      onPointerDown={(event) => {
        map.current!.setPointerCapture(event.pointerId)
        pan(event)
      }}
      onPointerMove={pan}
    >
      <canvas ref={canvas} style={{ width: `${widthPixels}px` }} />
      <div class="pan-frame" ref={frame} />
    </div>
  )
}
