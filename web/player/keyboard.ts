import type { Player } from './player.ts'

const secondUs = 1_000_000
const minuteUs = 60 * secondUs
/** One notch of a wheel, in CSS pixels, as browsers report it. */
const notchPixels = 100

export interface PlayerActions {
  player: Player
  fullScreen(): void
  ownWindow(): void
  showSpeed(): void
}

/** How far a key moves, in µs; `undefined` for keys that do not. Control makes it six times as far. */
export function keyMoveUs(key: string, control: boolean): number | undefined {
  const far = control ? 6 : 1
  if (key === 'ArrowRight') return 5 * secondUs * far
  if (key === 'ArrowLeft') return -5 * secondUs * far
  if (key === 'PageDown') return minuteUs * far
  if (key === 'PageUp') return -minuteUs * far
  return undefined
}

/** Down goes forward 15 s a notch, up back; with control 90 s. */
export function wheelMoveUs(deltaPixels: number, control: boolean): number {
  return (deltaPixels / notchPixels) * (control ? 90 : 15) * secondUs
}

/** Handles a key; true when it was one of the player's. */
export function playerKey(event: KeyboardEvent, actions: PlayerActions): boolean {
  const { player } = actions
  if (event.altKey || event.metaKey) return false
  const moveUs = keyMoveUs(event.key, event.ctrlKey)
  if (moveUs !== undefined) player.by(moveUs)
  else if (event.key === 'F11' || (event.key === 'Escape' && document.fullscreenElement)) actions.fullScreen()
  else if (event.key === 'F10') actions.ownWindow()
  else if (event.ctrlKey) return false
  else if (event.key === 'Home') player.seek(0)
  else if (event.key === 'End') player.seek(player.endUs)
  else if (event.key === ' ' || event.key === 'k') player.toggle()
  else if (event.key === '+' || event.key === '>') {
    player.changeSpeed(1)
    actions.showSpeed()
  } else if (event.key === '-' || event.key === '<') {
    player.changeSpeed(-1)
    actions.showSpeed()
  } else return false
  return true
}
