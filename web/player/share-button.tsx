import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { type ApiError, asApiError } from '../api/api-error.ts'
import { useApp } from '../app/app-state.ts'
import { CopyLine, copyText } from '../ui/copy.tsx'
import { clockText, localText } from '../ui/format-time.ts'
import { Icon } from '../ui/icon.tsx'
import type { Player } from './player.ts'

interface Link {
  url: string
  expiresMs: number
  timeUs: number
  copied: boolean
}

/** Makes a link that opens at this moment, copies it and shows it. */
export function ShareButton({ id, player }: { id: string; player: Player }) {
  const { api } = useApp()
  const link = useSignal<Link | undefined>(undefined)
  const error = useSignal<ApiError | undefined>(undefined)
  const box = useRef<HTMLDivElement>(null)

  useEffect(() => {
    const close = (event: Event) => {
      if (
        event instanceof KeyboardEvent ? event.key !== 'Escape' : box.current?.contains(event.target as Node)
      )
        return
      link.value = error.value = undefined
    }
    addEventListener('pointerdown', close)
    addEventListener('keydown', close)
    return () => {
      removeEventListener('pointerdown', close)
      removeEventListener('keydown', close)
    }
  }, [])

  const share = async () => {
    const timeUs = Math.floor(player.positionUs.value)
    error.value = undefined
    try {
      const made = await api.call<{ url: string; expires: string | number }>(`/api/recordings/${id}/links`, {
        method: 'POST',
        body: { timeUs },
      })
      const url = new URL(made.url, location.href).href
      link.value = { url, timeUs, expiresMs: new Date(made.expires).getTime(), copied: await copyText(url) }
    } catch (caught) {
      error.value = asApiError(caught)
    }
  }
  return (
    <div class="menu share" ref={box}>
      <button
        type="button"
        class="button bare"
        data-testid="share"
        title="Link to this moment"
        onClick={share}
      >
        <Icon name="share" /> <span class="label">Share</span>
      </button>
      {link.value && (
        <div class="floating share-box" role="status">
          <strong>
            Link to {clockText(link.value.timeUs)}
            {link.value.copied && ', copied'}
          </strong>
          <CopyLine text={link.value.url} what="the link" />
          <span class="small soft" data-testid="share-url" data-url={link.value.url}>
            Opens until {localText(link.value.expiresMs)} for those who may see this recording.
          </span>
        </div>
      )}
      {error.value && (
        <div class="floating share-box notice severe" role="alert">
          {error.value.message} {error.value.hint}
        </div>
      )}
    </div>
  )
}
