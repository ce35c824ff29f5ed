import { type Signal, useSignal, useSignalEffect } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { clockText } from '../ui/format-time.ts'
import { drawTimeline } from './draw-timeline.ts'
import { HoverPicture } from './hover-picture.tsx'
import type { Player } from './player.ts'
import { seekWithWheel } from './wheel.ts'

/** The histogram's picture is redrawn at most this often while frames come in. */
const redrawMs = 100

interface Props {
  player: Player
  text(timeUs: number): string
  shadeIdle: Signal<boolean>
}

/** The instrument: activity, idle, gaps, what is unproven and what is loaded; drag, click or wheel to seek. */
export function TimelineBar({ player, text, shadeIdle }: Props) {
  const bar = useRef<HTMLDivElement>(null)
  const canvas = useRef<HTMLCanvasElement>(null)
  const head = useRef<HTMLDivElement>(null)
  const hover = useSignal<{ x: number; width: number; timeUs: number } | undefined>(undefined)
  const dragging = useRef(false)
  const pending = useRef(0)

  const redraw = () => {
    clearTimeout(pending.current)
    pending.current = window.setTimeout(() => {
      if (canvas.current) drawTimeline(canvas.current, player, shadeIdle.peek())
    }, redrawMs)
  }
  useSignalEffect(() => {
    player.activityChanges.value
    player.source.segments.value
    player.source.endUs.value
    shadeIdle.value
    redraw()
  })
  useSignalEffect(() => {
    const endUs = Math.max(1, player.endUs)
    const share = Math.min(1, player.positionUs.value / endUs)
    head.current?.style.setProperty('left', `${share * 100}%`)
    bar.current?.setAttribute('aria-valuemax', String(Math.floor(endUs / 1e6)))
    bar.current?.setAttribute('aria-valuenow', String(Math.floor(player.positionUs.value / 1e6)))
    bar.current?.setAttribute('aria-valuetext', clockText(player.positionUs.value))
    bar.current?.setAttribute('data-end-us', String(Math.floor(endUs)))
  })
  useEffect(() => {
    const observer = new ResizeObserver(redraw)
    observer.observe(bar.current!)
    const theme = new MutationObserver(redraw)
    theme.observe(document.documentElement, { attributeFilter: ['data-theme'] })
    const unseek = seekWithWheel(bar.current!, player)
    // A live timeline grows though nothing happens on it.
    const timer = setInterval(() => player.live.peek() && redraw(), 1000)
    return () => {
      observer.disconnect()
      theme.disconnect()
      unseek()
      clearInterval(timer)
      clearTimeout(pending.current)
    }
  }, [player])

  const timeAt = (event: PointerEvent) => {
    const box = bar.current!.getBoundingClientRect()
    const share = Math.max(0, Math.min(1, (event.clientX - box.left) / box.width))
    return { x: share * box.width, width: box.width, timeUs: share * player.endUs }
  }
  return (
    <div
      class="timeline"
      ref={bar}
      data-testid="seek-bar"
      role="slider"
      tabIndex={0}
      aria-label="Position"
      aria-valuemin={0}
      aria-valuenow={0}
      onPointerDown={(event) => {
        if (event.button !== 0) return
        dragging.current = true
        bar.current!.setPointerCapture(event.pointerId)
        player.seek(timeAt(event).timeUs)
      }}
      onPointerMove={(event) => {
        hover.value = timeAt(event)
        if (dragging.current) player.seek(hover.value.timeUs)
      }}
      onPointerUp={() => {
        dragging.current = false
      }}
      onPointerCancel={() => {
        dragging.current = false
        hover.value = undefined
      }}
      onPointerLeave={() => {
        hover.value = undefined
      }}
    >
      <canvas ref={canvas} />
      <div class="playhead" ref={head} />
      {hover.value && <HoverPicture player={player} {...hover.value} label={text(hover.value.timeUs)} />}
    </div>
  )
}
