import { useComputed, useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { RecordingDetail } from '../api/recording.ts'
import { ErrorFace } from '../ui/faces.tsx'
import { clockText, localClockText, zoneShort } from '../ui/format-time.ts'
import { Controls, speedText } from './controls.tsx'
import { playerKey } from './keyboard.ts'
import type { LiveDelay } from './live-delay.ts'
import type { Player } from './player.ts'
import type { Layout } from './screen.ts'
import { ScreenView } from './screen-view.tsx'
import { SidePanel } from './side-panel.tsx'
import { TimelineBar } from './timeline-bar.tsx'

/** How long a changed speed stays on the screen. */
const flashMs = 900
/** In full screen, controls go this long after the pointer rests. */
const restMs = 2000

interface Props {
  recording: RecordingDetail
  player: Player
  delay: LiveDelay
}

export function PlayerView({ recording, player, delay }: Props) {
  const root = useRef<HTMLDivElement>(null)
  const flashTimer = useRef(0)
  const flash = useSignal('')
  const fit = useSignal(true)
  const sharp = useSignal(false)
  const border = useSignal(false)
  const layout = useComputed((): Layout => (!fit.value ? 'pan' : sharp.value ? 'sharp' : 'fit'))
  const panel = useSignal(matchMedia('(min-width: 1000px)').matches)
  const wallClock = useSignal(false)
  const shadeIdle = useSignal(true)
  const startMs = Date.parse(recording.start)
  const text = (timeUs: number) =>
    wallClock.value ? localClockText(startMs + timeUs / 1000) : clockText(timeUs)

  const fullScreen = () => {
    if (document.fullscreenElement) document.exitFullscreen()
    else root.current?.requestFullscreen().catch(() => undefined)
  }
  const showSpeed = () => {
    flash.value = speedText(player.speed.value)
    clearTimeout(flashTimer.current)
    flashTimer.current = window.setTimeout(() => {
      flash.value = ''
    }, flashMs)
  }
  const ownWindow = () => {
    const url = `/recordings/${recording.id}?t=${player.positionUs.value / 1e6}`
    window.open(url, `tapedeck-${recording.id}`, 'popup,width=1100,height=760')
  }

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if ((event.target as Element).closest?.('input, select, textarea, [role=menu], [aria-haspopup]')) return
      if (event.key === ' ' && (event.target as Element).matches?.('button, a')) return
      if (!playerKey(event, { player, fullScreen, ownWindow, showSpeed })) return
      event.preventDefault()
      event.stopPropagation()
    }
    // Captured: xterm.js stops keys that reach it.
    addEventListener('keydown', onKey, { capture: true })
    return () => removeEventListener('keydown', onKey, { capture: true })
  }, [player])
  useHiddenControls(root)

  return (
    <div class={panel.value ? 'player with-panel' : 'player'} ref={root} data-testid="player">
      <div class="stage">
        {player.error.value ? (
          <ErrorFace error={player.error.value} retry={() => player.seek(player.positionUs.value)} />
        ) : null}
        <ScreenView {...{ player, layout, border, flash }} />
        <div class="deck">
          <TimelineBar player={player} text={text} shadeIdle={shadeIdle} />
          <Controls
            id={recording.id}
            zone={zoneShort(startMs)}
            {...{
              player,
              delay,
              fit,
              sharp,
              border,
              panel,
              wallClock,
              shadeIdle,
              text,
              fullScreen,
              showSpeed,
            }}
          />
        </div>
      </div>
      {panel.value && <SidePanel recording={recording} player={player} />}
    </div>
  )
}

// In full screen everything but the screen is hidden until the pointer moves.
function useHiddenControls(root: { current: HTMLElement | null }): void {
  useEffect(() => {
    let timer = 0
    const moved = () => {
      root.current?.classList.add('pointer-moved')
      clearTimeout(timer)
      timer = window.setTimeout(() => root.current?.classList.remove('pointer-moved'), restMs)
    }
    addEventListener('pointermove', moved)
    return () => {
      clearTimeout(timer)
      removeEventListener('pointermove', moved)
    }
  }, [root])
}
