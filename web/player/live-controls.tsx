import { clockText } from '../ui/format-time.ts'
import { release } from './control-button.tsx'
import type { LiveDelay } from './live-delay.ts'
import type { Player } from './player.ts'

/** Whether it is watched live, how late, and the way back to it. */
export function LiveControls({ player, delay }: { player: Player; delay: LiveDelay }) {
  if (!player.live.value) return null
  const following = player.following.value
  return (
    <>
      <span class={following ? 'pill live' : 'pill'} data-testid="live-pill">
        LIVE
      </span>
      {following ? (
        <span class="soft small delay" data-testid="delay">
          {player.connected.value ? delay.text.value : 'Connection lost, trying again…'}
        </span>
      ) : (
        <>
          <button
            type="button"
            class="button go-live"
            data-testid="go-live"
            onClick={(event) => {
              player.goLive()
              release(event)
            }}
          >
            Go live
          </button>
          <Behind player={player} />
        </>
      )}
    </>
  )
}

function Behind({ player }: { player: Player }) {
  return <span class="soft small delay">{clockText(player.endUs - player.positionUs.value)} behind</span>
}
