import { useEffect } from 'preact/hooks'
import { useApp } from './app-state.ts'

/** The count is a hint in a corner: seldom enough to cost nothing. */
const countMs = 5000

/** Keeps the count of live recordings in the bar while the page is seen. */
export function useLiveCount(): void {
  const { api, liveCount, router } = useApp()
  const path = router.place.value.path
  useEffect(() => {
    const count = async () => {
      if (document.hidden) return
      try {
        const status = await api.call<{ recordings?: { live?: number } }>('/api/status')
        liveCount.value = status.recordings?.live
      } catch {
        // Whatever the page itself asks for tells what is wrong; the corner stays as it was.
      }
    }
    count()
    const timer = setInterval(count, countMs)
    return () => clearInterval(timer)
  }, [api, liveCount, path])
}
