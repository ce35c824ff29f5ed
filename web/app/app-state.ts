import { type Signal, signal } from '@preact/signals'
import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import { Api } from '../api/api.ts'
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
  setSession(session: SignedIn | null): void
}

export const AppContext = createContext<App | undefined>(undefined)

export function useApp(): App {
  const app = useContext(AppContext)
  if (!app) throw new Error('useApp is called outside the app')
  return app
}

export function openApp(): App {
  const session = signal<SignedIn | null | undefined>(undefined)
  const api = new Api(() => setSession(null))
  function setSession(next: SignedIn | null): void {
    api.csrf = next?.csrf ?? ''
    session.value = next
  }
  return {
    api,
    router: openRouter(),
    theme: openTheme(),
    session,
    liveCount: signal<number | undefined>(undefined),
    setSession,
  }
}
