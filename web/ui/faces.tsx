import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect } from 'preact/hooks'
import { asApiError } from '../api/api-error.ts'
import { Icon } from './icon.tsx'
import { usePageTitle } from './page-title.ts'

/** Below this a skeleton would only flicker. */
const skeletonAfterMs = 150

/** Its children, once the wait is long enough to need them. */
export function Delayed({ children }: { children: ComponentChildren }) {
  const shown = useSignal(false)
  useEffect(() => {
    const timer = setTimeout(() => {
      shown.value = true
    }, skeletonAfterMs)
    return () => clearTimeout(timer)
  }, [shown])
  return <>{shown.value ? children : null}</>
}

/** What happened, what to do, a code to quote. A missing role is named. */
export function ErrorFace({ error, retry }: { error: unknown; retry?: () => void }) {
  const known = asApiError(error)
  const role = known.role
  return (
    <div class="middle" role="alert" data-testid={role ? 'missing-role' : 'error'}>
      <Icon name={role ? 'shield' : 'warn'} size={36} />
      <h1>{role ? `You need the role ${role}` : titleOf(known.status)}</h1>
      <p>{known.message}</p>
      <p class="soft">
        {role
          ? 'Ask a policy administrator to give it to you; it acts within a minute.'
          : (known.hint ?? 'Try again; if it stays, quote the code below.')}
      </p>
      <p class="small soft">
        Code <code data-testid="error-code">{known.code}</code>
      </p>
      {retry && (
        <button type="button" class="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  )
}

function titleOf(status: number): string {
  if (status === 404) return 'Not found'
  if (status === 0) return 'This did not work'
  return status >= 500 ? 'The server failed' : 'The server refused this'
}

export function NotFound() {
  usePageTitle('Not found')
  return (
    <div class="middle">
      <h1>There is no page here</h1>
      <p class="soft">The address may be cut short.</p>
      <a class="button" href="/">
        Go to the recordings
      </a>
    </div>
  )
}
