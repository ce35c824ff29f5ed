import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { Icon } from '../ui/icon.tsx'
import { AccountMenu } from './account-menu.tsx'
import { useApp } from './app-state.ts'
import { useLiveCount } from './live-count.ts'

const narrowKey = 'tapedeck-rail'

/** The slim bar, the rail with what exists, and the page. */
export function Frame({ children }: { children: ComponentChildren }) {
  const { router, liveCount } = useApp()
  const path = router.place.value.path
  const chosen = useSignal(localStorage.getItem(narrowKey))
  // The player takes all the width there is, unless the reviewer wants the names.
  const narrow = chosen.value ? chosen.value === 'narrow' : path.startsWith('/recordings/')
  useLiveCount()
  const live = liveCount.value
  const toggle = () => {
    chosen.value = narrow ? 'wide' : 'narrow'
    localStorage.setItem(narrowKey, chosen.value)
  }
  const link = (href: string, label: string, icon: 'list' | 'live', current: boolean) => (
    <a href={href} title={narrow ? label : undefined} aria-current={current ? 'page' : undefined}>
      <Icon name={icon} />
      <span class="label">{label}</span>
    </a>
  )
  return (
    <div class={narrow ? 'frame narrow' : 'frame'}>
      <header class="bar">
        <button
          type="button"
          class="button bare icon rail-toggle"
          aria-label={narrow ? 'Show the names in the rail' : 'Hide the names in the rail'}
          aria-expanded={!narrow}
          onClick={toggle}
        >
          <Icon name="menu" />
        </button>
        <a class="product" href="/">
          <img src="/icon.svg" alt="" />
          Tapedeck
        </a>
        <span class="spacer" />
        {live !== undefined && (
          <a class="live-count" href="/live" data-testid="live-count">
            <span class={live > 0 ? 'dot live' : 'dot'} />
            {live} live
          </a>
        )}
        <AccountMenu />
      </header>
      <nav class="rail" aria-label="Pages">
        {link('/', 'Recordings', 'list', path === '/' || path.startsWith('/recordings/'))}
        {link('/live', 'Live', 'live', path === '/live')}
      </nav>
      <main class="main" id="main">
        {children}
      </main>
    </div>
  )
}
