import { useEffect, useLayoutEffect, useMemo } from 'preact/hooks'
import { useApp } from '../app/app-state.ts'
import { openRecordingList, type RecordingList } from './recording-list.ts'

/** How soon a new or ended session shows. */
const refreshMs = 3000

/** The list last looked at: who comes back from a recording finds it as it was. */
export interface KeptList {
  asked: string
  list: RecordingList
  scrollTop: number
}

/** The list of what is `asked`, refreshed while its page is seen, where the reviewer left it. */
export function useKeptList(asked: string): RecordingList {
  const app = useApp()
  const kept = useMemo<KeptList>(() => {
    if (app.keptList?.asked === asked) return app.keptList
    return { asked, list: openRecordingList(app.api, new URLSearchParams(asked)), scrollTop: 0 }
  }, [app, asked])

  // Before the page is painted, and gone before it is emptied: an emptied page scrolls to its top.
  useLayoutEffect(() => {
    const scroller = document.querySelector('.main')!
    scroller.scrollTop = kept.scrollTop
    const scrolled = () => {
      kept.scrollTop = scroller.scrollTop
    }
    scroller.addEventListener('scroll', scrolled, { passive: true })
    return () => scroller.removeEventListener('scroll', scrolled)
  }, [kept])

  useEffect(() => {
    app.keptList = kept
    const refresh = () => {
      if (!document.hidden) kept.list.refresh().catch(() => undefined)
    }
    refresh()
    const timer = setInterval(refresh, refreshMs)
    return () => clearInterval(timer)
  }, [app, kept])
  return kept.list
}
