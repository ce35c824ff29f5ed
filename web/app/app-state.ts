import { type Signal, signal } from '@preact/signals'
import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import { Api } from '../api/api.ts'
import { type ApiError, asApiError } from '../api/api-error.ts'
import type { KeptList } from '../recordings/kept-list.ts'
import { openRouter, type Router } from './router.ts'
import { openTheme, type ThemeChoice } from './theme.ts'

export interface SignedIn {
  user: string
  roles: string[]
  csrf: string
}

/** What every page may use. One is made when the page loads. */
export interface App {
  api: Api
  router: Router
  theme: Signal<ThemeChoice>
  /** `undefined` while not yet known, `null` when nobody is signed in. */
  session: Signal<SignedIn | null | undefined>
  /** How many recordings are live; `undefined` until counted. */
  liveCount: Signal<number | undefined>
  keptList: KeptList | undefined
  /** What the reviewer opened from this machine. */
  files: Signal<File[]>
  /** Why the last sign-in was refused, by form or by link. */
  signInError: Signal<ApiError | undefined>
  setSession(session: SignedIn | null): void
  /** Learns from the server who is signed in here. */
  askSession(): Promise<void>
  /** Signs in. Throws ApiError. */
  enter(credentials: Credentials): Promise<void>
  /** Signs in with the ticket of a one-time link, which must not stay in the address or the history. */
  enterByLink(ticket: string): Promise<void>
}

export type Credentials = { ticket: string } | { user: string; password: string }

export const AppContext = createContext<App | undefined>(undefined)

export function useApp(): App {
  const app = useContext(AppContext)
  if (!app) throw new Error('useApp is called outside the app')
  return app
}

export function openApp(): App {
  const router = openRouter()
  const session = signal<SignedIn | null | undefined>(undefined)
  const signInError = signal<ApiError | undefined>(undefined)
  const api = new Api(() => setSession(null))

  function setSession(next: SignedIn | null): void {
    api.csrf = next?.csrf ?? ''
    // The next one may see other recordings.
    app.keptList = undefined
    session.value = next
  }
  async function askSession(): Promise<void> {
    try {
      setSession(await api.call<SignedIn>('/api/session'))
    } catch {
      // Not signed in, or no answer: the sign-in page tells which when it is used.
      setSession(null)
    }
  }
  async function enter(credentials: Credentials): Promise<void> {
    setSession(await api.call<SignedIn>('/api/session', { method: 'POST', body: credentials }))
  }
  async function enterByLink(ticket: string): Promise<void> {
    router.go('/sign-in', { replace: true })
    signInError.value = undefined
    try {
      await enter({ ticket })
    } catch (caught) {
      signInError.value = asApiError(caught)
      // One that was used already may have signed this very browser in.
      await askSession()
    }
  }
  const app: App = {
    api,
    router,
    theme: openTheme(),
    session,
    liveCount: signal<number | undefined>(undefined),
    keptList: undefined,
    files: signal<File[]>([]),
    signInError,
    setSession,
    askSession,
    enter,
    enterByLink,
  }
  return app
}
