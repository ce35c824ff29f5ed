import { useEffect, useRef } from 'preact/hooks'
import { drawScreen } from './draw-screen.ts'
import type { Player } from './player.ts'

const widthPixels = 200

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

  const draw = async () => {
    if (busy.current) return
    busy.current = true
    // One at a time, and always the newest: a pointer passes over more moments than can be drawn.
    while (wanted.current !== undefined) {
      const next = wanted.current
      wanted.current = undefined
      const terminal = await player.preview(next).catch(() => undefined)
      if (!terminal || !canvas.current) continue
      canvas.current.style.height = `${drawScreen(canvas.current, terminal, widthPixels)}px`
      canvas.current.hidden = false
    }
    busy.current = false
  }
  useEffect(() => {
    wanted.current = timeUs
    draw()
  }, [timeUs])

  const half = widthPixels / 2
  const left = width < widthPixels ? width / 2 : Math.max(half, Math.min(width - half, x))
  return (
    <div class="hover-picture" style={{ left: `${left}px` }}>
      <canvas ref={canvas} hidden style={{ width: `${widthPixels}px` }} />
      <span class="hover-time">{label}</span>
    </div>
  )
}
