import type { Signal } from '@preact/signals'
import { Icon, type IconName } from '../ui/icon.tsx'

/** The keyboard belongs to the player: a space must not press again what the pointer pressed. */
export function release(event: MouseEvent): void {
  if (event.detail > 0) (event.currentTarget as HTMLElement).blur()
}

interface ButtonProps {
  icon: IconName
  label: string
  id: string
  text?: string
  press(): void
}

export function Button({ icon, label, id, text, press }: ButtonProps) {
  return (
    <button
      type="button"
      class={text ? 'button bare' : 'button bare icon'}
      title={label}
      aria-label={label}
      data-testid={id}
      onClick={(event) => {
        press()
        release(event)
      }}
    >
      <Icon name={icon} />
      {text}
    </button>
  )
}

interface ToggleProps {
  value: Signal<boolean>
  icon: IconName
  label: string
  title: string
  id: string
}

export function Toggle({ value, icon, id, label, title }: ToggleProps) {
  return (
    <button
      type="button"
      class="button bare toggle"
      aria-pressed={value.value}
      aria-label={label}
      title={title}
      data-testid={id}
      onClick={(event) => {
        value.value = !value.value
        release(event)
      }}
    >
      <Icon name={icon} />
      <span class="label">{label}</span>
    </button>
  )
}
