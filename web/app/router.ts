import { type ReadonlySignal, signal } from '@preact/signals'

export interface Place {
  path: string
  query: URLSearchParams
}

/** Where the browser is. Links inside the product change it without loading a page. */
export interface Router {
  readonly place: ReadonlySignal<Place>
  go(url: string, options?: { replace?: boolean }): void
}

export function openRouter(): Router {
  const read = (): Place => ({ path: location.pathname, query: new URLSearchParams(location.search) })
  const place = signal(read())
  const go: Router['go'] = (url, options = {}) => {
    if (options.replace) history.replaceState(null, '', url)
    else history.pushState(null, '', url)
    place.value = read()
  }
  addEventListener('popstate', () => {
    place.value = read()
  })
  addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0) return
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    const link = (event.target as Element).closest?.('a[href]')
    const href = link?.getAttribute('href')
    if (!href?.startsWith('/') || href.startsWith('/api') || link?.hasAttribute('download')) return
    event.preventDefault()
    go(href)
  })
  return { place, go }
}
