import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { type ApiError, asApiError } from '../api/api-error.ts'
import { useApp } from '../app/app-state.ts'
import { Delayed, ErrorFace } from '../ui/faces.tsx'
import { Icon } from '../ui/icon.tsx'
import { usePageTitle } from '../ui/page-title.ts'

/** Goes from a share link to the moment it was copied at. */
export function SharePage({ token }: { token: string }) {
  const { api, router } = useApp()
  const error = useSignal<ApiError | undefined>(undefined)
  usePageTitle('Link')
  useEffect(() => {
    api
      .call<{ recording: string; timeUs: number }>(`/api/links/${token}`)
      .then(({ recording, timeUs }) =>
        router.go(`/recordings/${recording}?t=${timeUs / 1e6}`, { replace: true }),
      )
      .catch((caught) => {
        error.value = asApiError(caught)
      })
  }, [token])
  if (error.value?.status === 410)
    return (
      <div class="middle" role="alert" data-testid="link-expired">
        <Icon name="share" size={36} />
        <h1>This link has expired</h1>
        <p>Links open for a limited time. Ask whoever sent it for a new one.</p>
        <p class="small soft">
          Code <code>{error.value.code}</code>
        </p>
        <a class="button" href="/">
          Go to the recordings
        </a>
      </div>
    )
  if (error.value) return <ErrorFace error={error.value} />
  return (
    <Delayed>
      <div class="middle soft">Opening the link…</div>
    </Delayed>
  )
}
