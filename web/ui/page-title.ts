import { useEffect } from 'preact/hooks'

/** A tab has room for no more. */
const charactersMax = 80

/** Names the page in the browser's tab and history. */
export function usePageTitle(title: string): void {
  useEffect(() => {
    document.title = title === '' ? 'Tapedeck' : `${title.slice(0, charactersMax)} · Tapedeck`
  }, [title])
}
