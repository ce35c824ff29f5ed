import { useSignal } from '@preact/signals'
import { Icon } from './icon.tsx'

/** How long the tick stays. */
const copiedMs = 1500

/** Puts text on the clipboard; `false` where the browser does not allow it, as on plain http. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return false
  }
}

export function CopyButton({ text, what }: { text: string; what: string }) {
  const copied = useSignal(false)
  const copy = async () => {
    copied.value = await copyText(text)
    setTimeout(() => {
      copied.value = false
    }, copiedMs)
  }
  return (
    <button
      type="button"
      class="button bare icon"
      title={`Copy ${what}`}
      aria-label={`Copy ${what}`}
      onClick={copy}
    >
      <Icon name={copied.value ? 'check' : 'copy'} size={16} />
    </button>
  )
}

/** A command or link to copy. */
export function CopyLine({ text, what }: { text: string; what: string }) {
  return (
    <div class="copy-line">
      <code>{text}</code>
      <CopyButton text={text} what={what} />
    </div>
  )
}
