import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { Icon } from '../ui/icon.tsx'
import { useApp } from './app-state.ts'
import { useSignOut } from './sign-out.ts'

export function AccountMenu() {
  const { session, theme } = useApp()
  const open = useSignal(false)
  const menu = useRef<HTMLDivElement>(null)
  const signOut = useSignOut()

  useEffect(() => {
    const close = (event: Event) => {
      if (
        event instanceof KeyboardEvent
          ? event.key === 'Escape'
          : !menu.current?.contains(event.target as Node)
      )
        open.value = false
    }
    addEventListener('pointerdown', close)
    addEventListener('keydown', close)
    return () => {
      removeEventListener('pointerdown', close)
      removeEventListener('keydown', close)
    }
  }, [open])

  const next = theme.value === 'system' ? 'light' : theme.value === 'light' ? 'dark' : 'system'
  return (
    <div class="menu" ref={menu}>
      <button
        type="button"
        class="button bare"
        aria-haspopup="menu"
        aria-expanded={open.value}
        data-testid="account-menu"
        onClick={() => {
          open.value = !open.value
        }}
      >
        <Icon name="user" />
        <span class="user-name">{session.value?.user}</span>
      </button>
      {open.value && (
        <div class="floating" role="menu">
          <div class="who small soft">{session.value?.roles.join(', ') || 'No roles'}</div>
          <a href="/account" role="menuitem" onClick={() => (open.value = false)}>
            Account
          </a>
          <button
            type="button"
            role="menuitem"
            onClick={() => {
              theme.value = next
            }}
          >
            Theme <span class="soft">{theme.value}</span>
          </button>
          <button type="button" role="menuitem" data-testid="sign-out" onClick={signOut}>
            Sign out
          </button>
        </div>
      )}
    </div>
  )
}
