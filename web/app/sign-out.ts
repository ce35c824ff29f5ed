import { useApp } from './app-state.ts'

/** Ends the session here even where the server does not answer: the reviewer wants to be gone. */
export function useSignOut(): () => Promise<void> {
  const { api, router, setSession } = useApp()
  return async () => {
    await api.call('/api/session', { method: 'DELETE' }).catch(() => undefined)
    setSession(null)
    router.go('/sign-in')
  }
}
