import { effect, type Signal, signal } from '@preact/signals'

export type ThemeChoice = 'system' | 'light' | 'dark'

const storageKey = 'tapedeck-theme'

/** The reviewer's choice, kept in this browser; `system` follows the desktop while the page is open. */
export function openTheme(): Signal<ThemeChoice> {
  const stored = localStorage.getItem(storageKey)
  const choice = signal<ThemeChoice>(stored === 'light' || stored === 'dark' ? stored : 'system')
  const prefersDark = matchMedia('(prefers-color-scheme: dark)')
  const system = signal(prefersDark.matches)
  prefersDark.addEventListener('change', () => {
    system.value = prefersDark.matches
  })
  effect(() => {
    const dark = choice.value === 'system' ? system.value : choice.value === 'dark'
    document.documentElement.dataset.theme = dark ? 'dark' : 'light'
    localStorage.setItem(storageKey, choice.value)
  })
  return choice
}
