import type { Signal } from '@preact/signals'
import { clockText } from '../ui/format-time.ts'
import { Icon, type IconName } from '../ui/icon.tsx'
import type { LiveDelay } from './live-delay.ts'
import { type Player, speeds } from './player.ts'
import { ShareButton } from './share-button.tsx'

interface Props {
  id: string
  player: Player
  delay: LiveDelay
  fit: Signal<boolean>
  panel: Signal<boolean>
  wallClock: Signal<boolean>
  shadeIdle: Signal<boolean>
  /** The time as the reviewer wants it: elapsed or of the wall clock. */
  text(timeUs: number): string
  fullScreen(): void
  showSpeed(): void
}

export function speedText(speed: number): string {
  return `${speed === 0.25 ? '¼' : speed === 0.5 ? '½' : speed}×`
}

/** The row under the timeline. It never covers the screen. */
export function Controls(props: Props) {
  const { player, fit, panel, wallClock, shadeIdle } = props
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
        <select
          class="input speed"
          aria-label="Speed (− and +)"
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
          label="Skip idle"
          title="Pass over times without output"
        />
        <button
          type="button"
          class="button bare time"
          data-testid="time"
          title={
            wallClock.value
              ? 'Wall clock of the recording, in your zone; click for elapsed'
              : 'Elapsed; click for the wall clock'
          }
          onClick={() => {
            wallClock.value = !wallClock.value
          }}
        >
          <Position {...props} />
        </button>
        <LiveControls {...props} />
      </div>
      <div class="group right">
        <Toggle
          value={shadeIdle}
          id="shade-idle"
          label="Idle shown"
          title="Shade idle time on the timeline"
        />
        <Toggle value={fit} id="fit" label="Fit" title="Fit the screen, or pan it at its own size" />
        <ShareButton id={props.id} player={player} />
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
function Position({ player, text }: Props) {
  return (
    <>
      <span data-testid="position">{text(player.positionUs.value)}</span>
      <span class="soft"> / {text(player.live.value ? player.endUs : player.source.endUs.value)}</span>
    </>
  )
}

function LiveControls({ player, delay }: Props) {
  if (!player.live.value) return null
  const following = player.following.value
  const behindUs = player.endUs - player.positionUs.value
  return (
    <>
      <span class={following ? 'pill live' : 'pill'} data-testid="live-pill">
        LIVE
      </span>
      {following ? (
        <span class="soft small delay" data-testid="delay">
          {player.connected.value ? delay.text.value : 'connection lost, trying again…'}
        </span>
      ) : (
        <>
          <span class="soft small delay">{clockText(behindUs)} behind</span>
          <button type="button" class="button" data-testid="go-live" onClick={() => player.goLive()}>
            Go live
          </button>
        </>
      )}
    </>
  )
}

interface ButtonProps {
  icon: IconName
  label: string
  id: string
  text?: string
  press(): void
}

function Button({ icon, label, id, text, press }: ButtonProps) {
  return (
    <button
      type="button"
      class={text ? 'button bare' : 'button bare icon'}
      title={label}
      aria-label={label}
      data-testid={id}
      onClick={(event) => {
        press()
        // The keyboard belongs to the player: a space must not press this again.
        if (event.detail > 0) event.currentTarget.blur()
      }}
    >
      <Icon name={icon} />
      {text}
    </button>
  )
}

function Toggle({
  value,
  id,
  label,
  title,
}: {
  value: Signal<boolean>
  id: string
  label: string
  title: string
}) {
  return (
    <button
      type="button"
      class={`button bare toggle ${id}`}
      aria-pressed={value.value}
      title={title}
      data-testid={id}
      onClick={(event) => {
        value.value = !value.value
        if (event.detail > 0) event.currentTarget.blur()
      }}
    >
      {label}
    </button>
  )
}
