import { useEffect, useRef } from 'preact/hooks'
import type { Player } from './player.ts'
import type { Strip } from './recording-index.ts'

const widthPixels = 200
/** A pointer that rests is shown the very moment; one that passes over a strip of thumbnails, the thumbnail before it. */
const restMs = 150

interface Props {
  player: Player
  /** Where over the timeline, in CSS pixels from its left, and how wide that is. */
  x: number
  width: number
  timeUs: number
  label: string
}

/** The clock and the screen at the moment under the pointer. */
export function HoverPicture({ player, x, width, timeUs, label }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const wanted = useRef<number | undefined>(undefined)
  const busy = useRef(false)
  const pointed = useRef(timeUs)
  pointed.current = timeUs
  const strip = player.index.strip.value

  const draw = async () => {
    if (busy.current) return
    busy.current = true
    // One at a time, and always the newest: a pointer passes over more moments than can be drawn.
    while (wanted.current !== undefined) {
      const next = wanted.current
      wanted.current = undefined
      if (!canvas.current) break
      const height = await player.thumbnail(canvas.current, next, widthPixels).catch(() => undefined)
      if (height === undefined || !canvas.current || (strip && next !== pointed.current)) continue
      canvas.current.style.height = `${height}px`
      canvas.current.hidden = false
    }
    busy.current = false
  }
  useEffect(() => {
    wanted.current = strip ? undefined : timeUs
    if (!strip) {
      draw()
      return
    }
    canvas.current!.hidden = true
    const timer = setTimeout(() => {
      wanted.current = timeUs
      draw()
    }, restMs)
    return () => clearTimeout(timer)
  }, [timeUs, strip])

  const half = widthPixels / 2
  const left = width < widthPixels ? width / 2 : Math.max(half, Math.min(width - half, x))
  return (
    <div class="hover-picture" style={{ left: `${left}px` }}>
      <div class="hover-tile" style={strip && tileStyle(strip, timeUs)} data-testid="hover-tile">
        <canvas ref={canvas} hidden style={{ width: `${widthPixels}px` }} />
      </div>
      <span class="hover-time">{label}</span>
    </div>
  )
}

// The last thumbnail up to the moment, out of the strip's picture.
function tileStyle({ url, width, height, columns, timesUs }: Strip, timeUs: number): Record<string, string> {
  const at = Math.max(
    0,
    timesUs.findLastIndex((time) => time <= timeUs),
  )
  const [column, row] = [at % columns, Math.floor(at / columns)]
  return {
    width: `${width}px`,
    height: `${height}px`,
    background: `url(${url}) -${column * width}px -${row * height}px`,
  }
}
