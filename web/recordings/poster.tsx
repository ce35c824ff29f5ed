import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'

interface Props {
  id: string
  /** Another one asks for the picture anew; the one before stays until it is there. */
  version: number
}

/** What a recording looks like; its ground where that is not known yet. */
export function Poster({ id, version }: Props) {
  const missing = useSignal(false)
  const url = `/api/recordings/${id}/poster?v=${version}`
  useEffect(() => {
    missing.value = false
  }, [url])
  return (
    <span class="poster-frame">
      <img
        class={missing.value ? 'missing' : undefined}
        src={url}
        alt=""
        loading="lazy"
        decoding="async"
        draggable={false}
        data-testid="poster"
        onLoad={() => {
          missing.value = false
        }}
        // An answer without a picture is one.
        onError={() => {
          missing.value = true
        }}
      />
    </span>
  )
}
