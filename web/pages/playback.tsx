import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { type ApiError, asApiError } from '../api/api-error.ts'
import type { RecordingDetail } from '../api/recording.ts'
import { useApp } from '../app/app-state.ts'
import { type OpenPlayer, openPlayer } from '../player/open-player.ts'
import { PlayerView } from '../player/player-view.tsx'
import { Delayed, ErrorFace } from '../ui/faces.tsx'
import { durationText, localText, zoneText } from '../ui/format-time.ts'
import { usePageTitle } from '../ui/page-title.ts'

export function PlaybackPage({ id }: { id: string }) {
  const { api, router } = useApp()
  const recording = useSignal<RecordingDetail | undefined>(undefined)
  const opened = useSignal<OpenPlayer | undefined>(undefined)
  const error = useSignal<ApiError | undefined>(undefined)
  const attempt = useSignal(0)
  const named = recording.value
  usePageTitle(named ? `${named.user}@${named.host} ${named.application}` : 'Recording')

  useEffect(() => {
    let gone = false
    const wanted = Number(router.place.peek().query.get('t') ?? Number.NaN)
    const startUs = Number.isFinite(wanted) && wanted >= 0 ? Math.round(wanted * 1e6) : undefined
    const detail = () => api.call<RecordingDetail>(`/api/recordings/${id}`)
    const changed = () => {
      detail().then(
        (next) => {
          recording.value = next
        },
        () => undefined,
      )
    }
    detail()
      .then(async (found) => {
        recording.value = found
        const player = await openPlayer(api, found, startUs, changed)
        if (gone) player.close()
        else opened.value = player
      })
      .catch((caught) => {
        error.value = asApiError(caught)
      })
    return () => {
      gone = true
      opened.peek()?.close()
    }
  }, [id, attempt.value])

  if (error.value)
    return (
      <ErrorFace
        error={error.value}
        retry={() => {
          error.value = undefined
          attempt.value += 1
        }}
      />
    )
  const found = recording.value
  if (!found || !opened.value)
    return (
      <Delayed>
        <div class="player skeleton-player" role="status" aria-label="Loading" />
      </Delayed>
    )
  const { player, delay } = opened.value
  const startMs = Date.parse(found.start)
  return (
    <div class="playback">
      <div class="playback-head">
        <h1>
          {found.user}@{found.host} <span class="soft">{found.application}</span>
        </h1>
        <span class="soft" title={zoneText(startMs)}>
          {localText(startMs)}
        </span>
        {found.state !== 'live' && <span class="soft">{durationText(found.durationMs)}</span>}
        {found.state === 'dormant' && !player.live.value && (
          <span class="pill medium" title="Data stopped coming and the session did not close">
            dormant
          </span>
        )}
      </div>
      <PlayerView recording={found} player={player} delay={delay} />
    </div>
  )
}
