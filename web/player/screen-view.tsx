import type { ReadonlySignal, Signal } from '@preact/signals'
import { useSignalEffect } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { Delayed } from '../ui/faces.tsx'
import { clockText, durationText } from '../ui/format-time.ts'
import { Icon } from '../ui/icon.tsx'
import { gapAt, gapReasons } from './gap-words.ts'
import { PanMap } from './pan-map.tsx'
import type { Player } from './player.ts'
import type { Layout } from './screen.ts'
import { seekWithWheel } from './wheel.ts'

interface Props {
  player: Player
  layout: ReadonlySignal<Layout>
  border: Signal<boolean>
  flash: Signal<string>
}

/** The screen, fitted or to pan, with what must be known about this moment laid over it. */
export function ScreenView({ player, layout, border, flash }: Props) {
  const box = useRef<HTMLDivElement>(null)
  const scroll = useRef<HTMLDivElement>(null)
  const host = useRef<HTMLDivElement>(null)

  const { face, leftOut } = player.screen

  useEffect(() => {
    // Held here: an observer may still be told when the element is gone from the page.
    const element = scroll.current!
    const unmount = face.mount(host.current!)
    const layOut = () => face.layOut(layout.peek(), element)
    const observer = new ResizeObserver(layOut)
    observer.observe(element)
    const unlisten = face.onChange((what) => what === 'size' && requestAnimationFrame(layOut))
    const unseek = seekWithWheel(box.current!, player)
    layOut()
    return () => {
      unmount()
      observer.disconnect()
      unlisten()
      unseek()
    }
  }, [face, layout, player])

  useSignalEffect(() => {
    if (scroll.current) face.layOut(layout.value, scroll.current)
  })
  // Written past the renderer: this changes with every frame.
  useSignalEffect(() => {
    box.current?.setAttribute('data-time-us', String(Math.floor(player.positionUs.value)))
    box.current?.setAttribute('data-seeking', String(player.seeking.value))
  })

  const gap = gapAt(player.source.segments.value, player.positionUs.value)
  return (
    <div
      class={`screen ${layout.value === 'pan' ? 'pan' : 'fit'} ${border.value ? 'bordered' : ''}`}
      ref={box}
      data-testid="screen"
      data-following={player.following.value}
    >
      <div class="screen-scroll" ref={scroll}>
        <div class="screen-host" ref={host} role="img" aria-label="The recorded screen" />
      </div>
      {layout.value === 'pan' && <PanMap face={face} view={scroll} />}
      {gap && (
        <div class="overlay" data-testid="gap">
          <Icon name="warn" size={28} />
          <strong>{durationText((gap.endUs - gap.startUs) / 1000)} are missing here</strong>
          <span>
            {clockText(gap.startUs)} to {clockText(gap.endUs)} · {gapReasons[gap.reason ?? ''] ?? gap.reason}
          </span>
          {gap.detail && <span data-testid="gap-detail">{gap.detail}</span>}
        </div>
      )}
      {(player.waiting.value || player.seeking.value) && (
        <Delayed>
          <div class="corner">{player.waiting.value ? 'Loading…' : 'Seeking…'}</div>
        </Delayed>
      )}
      {player.refused.value && (
        <div class="corner warn" role="status" data-testid="live-refused">
          <Icon name="warn" size={16} /> {player.refused.value.message} {player.refused.value.hint}
        </div>
      )}
      {player.source.damaged.value && (
        <div class="corner warn" role="status" data-testid="damaged">
          <Icon name="warn" size={16} /> Damaged after {clockText(player.source.endUs.value)}: what follows
          cannot be read.
        </div>
      )}
      {flash.value && (
        <div class="flash" data-testid="flash">
          {flash.value}
        </div>
      )}
      {leftOut.text.value && (
        <div class="corner warn" role="status" data-testid="left-out">
          {leftOut.text.value}
          <button type="button" class="button bare icon" aria-label="Dismiss" onClick={leftOut.dismiss}>
            <Icon name="close" size={14} />
          </button>
        </div>
      )}
    </div>
  )
}
