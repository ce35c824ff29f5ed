import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { asApiError } from '../api/api-error.ts'
import { useApp } from '../app/app-state.ts'
import { usePageTitle } from '../ui/page-title.ts'

/** A name and password, and why a one-time link did not work. Who is signed in is led on. */
export function SignInPage() {
  const { router, session, signInError: error, enter } = useApp()
  const user = useSignal('')
  const password = useSignal('')
  const busy = useSignal(false)
  const first = useRef<HTMLInputElement>(null)
  usePageTitle('Sign in')

  useEffect(() => {
    if (!session.value) first.current?.focus()
    else if (router.place.value.path === '/sign-in') router.go('/', { replace: true })
  }, [session.value])

  const submit = async (event: Event) => {
    event.preventDefault()
    if (busy.value) return
    busy.value = true
    error.value = undefined
    try {
      await enter({ user: user.value, password: password.value })
    } catch (caught) {
      error.value = asApiError(caught)
    }
    busy.value = false
  }

  return (
    <div class="alone">
      <form class="card" onSubmit={submit}>
        <h1>
          <img class="sign-in-mark" src="/icon.svg" alt="" /> Sign in to Tapedeck
        </h1>
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
