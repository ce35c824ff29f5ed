import type { Signal } from '@preact/signals'
import { Button, release, Toggle } from './control-button.tsx'
import { LiveControls } from './live-controls.tsx'
import type { LiveDelay } from './live-delay.ts'
import { type Player, speeds } from './player.ts'
import { ShareButton } from './share-button.tsx'

interface Props {
  id: string
  player: Player
  delay: LiveDelay
  fit: Signal<boolean>
  sharp: Signal<boolean>
  border: Signal<boolean>
  panel: Signal<boolean>
  wallClock: Signal<boolean>
  shadeIdle: Signal<boolean>
  /** The time as the reviewer wants it: elapsed or of the wall clock. */
  text(timeUs: number): string
  /** The zone of the wall clock. */
  zone: string
  fullScreen(): void
  showSpeed(): void
}

export function speedText(speed: number): string {
  return `${speed === 0.25 ? '¼' : speed === 0.5 ? '½' : speed}×`
}

/** The row under the timeline. It never covers the screen, and what comes and goes in it moves nothing else. */
export function Controls(props: Props) {
  const { player, fit, sharp, border, panel, wallClock, shadeIdle } = props
  const runs = player.playing.value || player.following.value
  return (
    <div class="controls">
      <div class="group">
        <Button
          icon={runs ? 'pause' : 'play'}
          label={runs ? 'Pause (space)' : 'Play (space)'}
          id="play"
          press={() => player.toggle()}
        />
        <Button icon="stop" label="Stop; playing then starts at 0" id="stop" press={() => player.stop()} />
        <Button icon="back" label="7 seconds back" id="back-7" text="7" press={() => player.by(-7_000_000)} />
        <button
          type="button"
          class="button bare time"
          data-testid="time"
          title={
            wallClock.value
              ? 'The clock of the session, in your time zone; click for elapsed time'
              : 'Elapsed time; click for the clock of the session'
          }
          onClick={(event) => {
            wallClock.value = !wallClock.value
            release(event)
          }}
        >
          <Position {...props} />
        </button>
        <LiveControls player={player} delay={props.delay} />
      </div>
      <div class="group right">
        <select
          class="input speed"
          title="Speed (− and +)"
          aria-label="Speed"
          data-testid="speed"
          value={player.speed.value}
          onChange={(event) => {
            player.setSpeed(Number(event.currentTarget.value))
            props.showSpeed()
            event.currentTarget.blur()
          }}
        >
          {speeds.map((speed) => (
            <option key={speed} value={speed}>
              {speedText(speed)}
            </option>
          ))}
        </select>
        <Toggle
          value={player.skipIdle}
          id="skip-idle"
          icon="skip"
          label="Skip idle"
          title="Pass over times in which nothing changes"
        />
        <Toggle
          value={shadeIdle}
          id="shade-idle"
          icon="shade"
          label="Shade idle"
          title="Shade times in which nothing changes on the timeline"
        />
        <Toggle
          value={fit}
          id="fit"
          icon="fit"
          label="Fit"
          title="Fit the whole screen in, or show it at its own size to pan"
        />
        {player.screen.face.hasPixels && (
          <Toggle
            value={sharp}
            id="sharp"
            icon="sharp"
            label="Sharp"
            title="Fitted by whole pixels, so that each is as large as every other; otherwise as large as fits"
          />
        )}
        <Toggle
          value={border}
          id="border"
          icon="border"
          label="Border"
          title="A red border around the recording, as while the pointer is held down on it"
        />
        {props.id !== '' && <ShareButton id={props.id} player={player} />}
        <Button
          icon="panel"
          label={panel.value ? 'Hide the panel' : 'Show the panel'}
          id="panel"
          press={() => (panel.value = !panel.value)}
        />
        <Button icon="full" label="Full screen (F11)" id="full-screen" press={props.fullScreen} />
      </div>
    </div>
  )
}

// Alone in re-rendering with every frame.
function Position({ player, text, wallClock, zone }: Props) {
  return (
    <>
      <span data-testid="position">{text(player.positionUs.value)}</span>
      <span class="soft">
        / {text(player.live.value ? player.endUs : player.source.endUs.value)}
        {wallClock.value && ` ${zone}`}
      </span>
    </>
  )
}
