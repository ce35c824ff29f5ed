import { useSignal } from '@preact/signals'
import { type ApiError, asApiError } from '../api/api-error.ts'
import { useApp } from '../app/app-state.ts'
import { useSignOut } from '../app/sign-out.ts'
import type { ThemeChoice } from '../app/theme.ts'
import { usePageTitle } from '../ui/page-title.ts'

const themes: [ThemeChoice, string][] = [
  ['system', 'As the desktop'],
  ['light', 'Light'],
  ['dark', 'Dark'],
]

export function AccountPage() {
  const { session, theme } = useApp()
  const signOut = useSignOut()
  usePageTitle('Account')
  return (
    <div class="account">
      <h1>{session.value?.user}</h1>
      <section class="card">
        <h2>Roles</h2>
        {session.value?.roles.length ? (
          <p class="roles">
            {session.value.roles.map((role) => (
              <span class="pill" key={role}>
                {role}
              </span>
            ))}
          </p>
        ) : (
          <p class="soft">None. Ask a policy administrator for those you need.</p>
        )}
      </section>
      <section class="card">
        <h2>Colours</h2>
        <fieldset class="segments" aria-label="Colours">
          {themes.map(([choice, label]) => (
            <button
              key={choice}
              type="button"
              aria-pressed={theme.value === choice}
              data-testid={`theme-${choice}`}
              onClick={() => {
                theme.value = choice
              }}
            >
              {label}
            </button>
          ))}
        </fieldset>
      </section>
      <PasswordForm />
      <button type="button" class="button" onClick={signOut}>
        Sign out
      </button>
    </div>
  )
}

function PasswordForm() {
  const { api } = useApp()
  const current = useSignal('')
  const next = useSignal('')
  const again = useSignal('')
  const outcome = useSignal<ApiError | 'changed' | undefined>(undefined)
  const differ = again.value !== '' && again.value !== next.value

  const change = async (event: Event) => {
    event.preventDefault()
    if (next.value !== again.value) return
    try {
      await api.call('/api/session/password', {
        method: 'POST',
        body: { ...(current.value && { current: current.value }), next: next.value },
      })
      outcome.value = 'changed'
      current.value = next.value = again.value = ''
    } catch (error) {
      outcome.value = asApiError(error)
    }
  }

  const field = (label: string, value: typeof current, complete: string, required: boolean) => (
    <label class="field">
      <span>{label}</span>
      <input
        class="input"
        type="password"
        autocomplete={complete}
        required={required}
        value={value.value}
        onInput={(event) => {
          value.value = event.currentTarget.value
        }}
      />
    </label>
  )
  return (
    <form class="card" onSubmit={change}>
      <h2>Change password</h2>
      {field('Present password (leave empty if you have none yet)', current, 'current-password', false)}
      {field('New password', next, 'new-password', true)}
      {field('New password again', again, 'new-password', true)}
      {differ && <p class="notice medium">The two new passwords differ.</p>}
      {outcome.value === 'changed' && <p class="notice good">The password is changed.</p>}
      {outcome.value && outcome.value !== 'changed' && (
        <p class="notice severe" role="alert">
          {outcome.value.message} {outcome.value.hint}
        </p>
      )}
      <button type="submit" class="button primary" disabled={differ || next.value === ''}>
        Change password
      </button>
    </form>
  )
}
