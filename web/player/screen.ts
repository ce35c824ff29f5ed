import type { ReadonlySignal } from '@preact/signals'
import type { StreamSource } from './stream-source.ts'

// The seam between the player, which has one clock for everything, and the two things it can show: a terminal and a
// desktop. Nothing above it asks which of them it is.

/** What stopped a screen from showing all that it was asked for. */
export interface Step {
  /** The clock stands still until `ready`, and then goes on from `startUs` at the earliest. */
  waits?: { startUs: number; ready: Promise<unknown> }
  /** More was asked for than it draws in this time. */
  lags?: boolean
}

/** What the player drives. */
export interface Screen {
  readonly source: StreamSource
  readonly face: ScreenFace
  /** What is not drawn because drawing it would do harm; empty where nothing is. */
  readonly leftOut: { readonly text: ReadonlySignal<string>; dismiss(): void }
  /** When it changes next after what was drawn last; `undefined` where that is not known. µs. */
  readonly nextUs: number | undefined
  /** Draws what was recorded up to and including `untilUs`, from where it is on. */
  draw(untilUs: number): Step
  /** Shows the screen as it was at `timeUs`, which may be infinite. Rejects with ApiError, or AbortError. */
  seek(timeUs: number, signal: AbortSignal): Promise<void>
  /** Draws the screen at `timeUs` small and unseen. Resolves with its height in CSS pixels. */
  thumbnail(canvas: HTMLCanvasElement, timeUs: number, width: number, signal: AbortSignal): Promise<number>
  /** Reads what has no SEAL of a recording that is not live. Rejects with ApiError. */
  readTail(): Promise<void>
  /** Passes over all of it once, unhurried. Rejects with ApiError, or AbortError. */
  scan(signal: AbortSignal): Promise<void>
  close(): void
}

/** `sharp` = every pixel of a desktop is as large as every other. */
export type Layout = 'fit' | 'sharp' | 'pan'

/** What is seen of it. Sizes in CSS pixels. */
export interface ScreenFace {
  /** It can be laid out sharp. */
  readonly hasPixels: boolean
  /** Puts it into the page. Returns how to take it away. */
  mount(host: HTMLElement): () => void
  /** Lays it out within `box`. */
  layOut(layout: Layout, box: HTMLElement): void
  /** Tells when it has changed. Returns how to stop. */
  onChange(changed: (what: 'picture' | 'size') => void): () => void
  /** Draws it small, as it is now. Returns its height. */
  drawSmall(canvas: HTMLCanvasElement, width: number): number
}
