import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { Icon } from '../ui/icon.tsx'
import { useApp } from './app-state.ts'
import { useSignOut } from './sign-out.ts'

export function AccountMenu() {
  const { files, session, theme } = useApp()
  const open = useSignal(false)
  const menu = useRef<HTMLDivElement>(null)
  const signOut = useSignOut()

  useEffect(() => {
    const close = (event: Event) => {
      if (!menu.current?.contains(event.target as Node)) open.value = false
    }
    const key = (event: KeyboardEvent) => {
      if (!open.value) return
      const items = [...element.querySelectorAll<HTMLElement>('[role=menuitem]')]
      const at = items.indexOf(document.activeElement as HTMLElement)
      if (event.key === 'Escape') {
        open.value = false
        element.querySelector('button')?.focus()
      } else if (event.key === 'ArrowDown') items[(at + 1) % items.length]?.focus()
      else if (event.key === 'ArrowUp') items.at(at < 0 ? -1 : at - 1)?.focus()
      else return
      event.preventDefault()
    }
    const element = menu.current!
    addEventListener('pointerdown', close)
    element.addEventListener('keydown', key)
    return () => {
      removeEventListener('pointerdown', close)
      element.removeEventListener('keydown', key)
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
          <a
            href="/file"
            role="menuitem"
            onClick={() => {
              open.value = false
              files.value = []
            }}
          >
            Open a file
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
