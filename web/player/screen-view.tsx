import type { Signal } from '@preact/signals'
import { useSignalEffect } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { Delayed } from '../ui/faces.tsx'
import { clockText, durationText } from '../ui/format-time.ts'
import { Icon } from '../ui/icon.tsx'
import { gapAt, gapReasons } from './gap-words.ts'
import { PanMap } from './pan-map.tsx'
import type { Player } from './player.ts'
import type { Emulator } from './terminal/emulator.ts'
import { fitTerminal, naturalSize } from './terminal/fit.ts'
import { seekWithWheel } from './wheel.ts'

interface Props {
  player: Player
  emulator: Emulator
  fit: Signal<boolean>
  flash: Signal<string>
}

/** The screen, fitted or to pan, with what must be known about this moment laid over it. */
export function ScreenView({ player, emulator, fit, flash }: Props) {
  const box = useRef<HTMLDivElement>(null)
  const scroll = useRef<HTMLDivElement>(null)
  const host = useRef<HTMLDivElement>(null)

  useEffect(() => {
    const { terminal } = emulator
    // Held here: an observer may still be told when the element is gone from the page.
    const element = scroll.current!
    terminal.open(host.current!)
    // Nothing is ever typed here, so nothing may take the keyboard from the player.
    if (terminal.textarea) terminal.textarea.disabled = true
    const layOut = () => (fit.peek() ? fitTerminal(terminal, element) : naturalSize(terminal))
    const observer = new ResizeObserver(layOut)
    observer.observe(element)
    const resized = terminal.onResize(() => requestAnimationFrame(layOut))
    const unseek = seekWithWheel(box.current!, player)
    // What a reviewer marks on the screen is what they copy; without the keyboard xterm.js does not see it.
    const copy = (event: ClipboardEvent) => {
      if (!terminal.hasSelection()) return
      event.clipboardData?.setData('text/plain', terminal.getSelection())
      event.preventDefault()
    }
    addEventListener('copy', copy)
    layOut()
    return () => {
      removeEventListener('copy', copy)
      observer.disconnect()
      resized.dispose()
      unseek()
    }
  }, [emulator, fit, player])

  useSignalEffect(() => {
    if (!fit.value) naturalSize(emulator.terminal)
    else if (scroll.current) fitTerminal(emulator.terminal, scroll.current)
  })
  // Written past the renderer: this changes with every frame.
  useSignalEffect(() => {
    box.current?.setAttribute('data-time-us', String(Math.floor(player.positionUs.value)))
    box.current?.setAttribute('data-seeking', String(player.seeking.value))
  })

  const gap = gapAt(player.source.segments.value, player.positionUs.value)
  return (
    <div
      class={fit.value ? 'screen fit' : 'screen pan'}
      ref={box}
      data-testid="screen"
      data-following={player.following.value}
    >
      <div class="screen-scroll" ref={scroll}>
        <div class="screen-host" ref={host} role="img" aria-label="The recorded screen" />
      </div>
      {!fit.value && <PanMap emulator={emulator} view={scroll} />}
      {gap && (
        <div class="overlay" data-testid="gap">
          <Icon name="warn" size={28} />
          <strong>{durationText((gap.endUs - gap.startUs) / 1000)} are missing here</strong>
          <span>
            {clockText(gap.startUs)} to {clockText(gap.endUs)} · {gapReasons[gap.reason ?? ''] ?? gap.reason}
          </span>
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
      {player.leftOut.value > 0 && (
        <div class="corner warn" role="status" data-testid="left-out">
          {player.leftOut.value.toLocaleString('en')} characters of output are left out: drawing them would
          hang the screen.
          <button
            type="button"
            class="button bare icon"
            aria-label="Dismiss"
            onClick={() => {
              player.leftOut.value = 0
            }}
          >
            <Icon name="close" size={14} />
          </button>
        </div>
      )}
    </div>
  )
}
