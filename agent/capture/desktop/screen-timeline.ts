import type { EndReason, GapReason } from '../../../format/records.ts'

/** What is told of a screen beside its picture. Times in µs since the recording's start. */
export interface ScreenTimeline {
  /** A picture of the whole screen is recorded, of this size. */
  screen(screen: { width: number; height: number; name: string }, timeUs: number): Promise<void>
  gap(fromUs: number, toUs: number, reason: GapReason): Promise<void>
  /** The screen's own END is durable. */
  end(reason: EndReason, endUs: number): Promise<void>
  /** Leaves it at a boundary, to go on later. */
  close(): void
}
