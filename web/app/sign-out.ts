import { ApiError, asApiError } from '../api/api-error.ts'
import { useApp } from './app-state.ts'

/** Leaves even where the server does not answer, since the reviewer wants to be gone, and says then what that means. */
export function useSignOut(): () => Promise<void> {
  const { api, router, setSession, signInError } = useApp()
  return async () => {
    signInError.value = undefined
    try {
      await api.call('/api/session', { method: 'DELETE' })
    } catch (caught) {
      const { code, status } = asApiError(caught)
      if (status !== 401)
        signInError.value = new ApiError(
          status,
          code,
          'The server did not confirm that you are signed out.',
          'Whoever uses this browser next may still be you: close it, or sign in and out again.',
        )
    }
    setSession(null)
    router.go('/sign-in')
  }
}
