import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { type ApiError, asApiError } from '../api/api-error.ts'
import { type SignedIn, useApp } from '../app/app-state.ts'

const ticketMark = '#ticket='

/** A name and password, or a one-time link from `tapedeck up`, which must not stay in the address or the history. */
export function SignInPage() {
  const { api, router, setSession, session } = useApp()
  const user = useSignal('')
  const password = useSignal('')
  const busy = useSignal(false)
  const error = useSignal<ApiError | undefined>(undefined)
  const first = useRef<HTMLInputElement>(null)

  const enter = async (body: { ticket: string } | { user: string; password: string }) => {
    busy.value = true
    error.value = undefined
    try {
      setSession(await api.call<SignedIn>('/api/session', { method: 'POST', body }))
      if (router.place.value.path === '/sign-in') router.go('/', { replace: true })
    } catch (caught) {
      error.value = asApiError(caught)
      if (session.value === undefined) setSession(null)
    }
    busy.value = false
  }

  useEffect(() => {
    if (location.hash.startsWith(ticketMark)) {
      const ticket = decodeURIComponent(location.hash.slice(ticketMark.length))
      router.go('/sign-in', { replace: true })
      enter({ ticket })
    } else if (session.value && router.place.value.path === '/sign-in') {
      router.go('/', { replace: true })
    } else first.current?.focus()
  }, [])

  return (
    <div class="alone">
      <form
        class="card"
        onSubmit={(event) => {
          event.preventDefault()
          if (!busy.value) enter({ user: user.value, password: password.value })
        }}
      >
        <h1>Sign in to Tapedeck</h1>
        {error.value && (
          <div class="notice severe" role="alert" data-testid="sign-in-error">
            {error.value.message}
            {error.value.hint && <div class="small">{error.value.hint}</div>}
          </div>
        )}
        <label class="field">
          <span>User</span>
          <input
            class="input"
            ref={first}
            name="user"
            autocomplete="username"
            autocapitalize="none"
            required
            value={user.value}
            onInput={(event) => {
              user.value = event.currentTarget.value
            }}
          />
        </label>
        <label class="field">
          <span>Password</span>
          <input
            class="input"
            name="password"
            type="password"
            autocomplete="current-password"
            required
            value={password.value}
            onInput={(event) => {
              password.value = event.currentTarget.value
            }}
          />
        </label>
        <button class="button primary" type="submit" disabled={busy.value} data-testid="sign-in">
          {busy.value ? 'Signing in…' : 'Sign in'}
        </button>
        <p class="small soft">
          Lost the password? Whoever runs this server gets a one-time link with <code>./tapedeck link</code>.
        </p>
      </form>
    </div>
  )
}
