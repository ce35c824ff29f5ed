import type { RfbPart } from '../../../format/rfb-reader.ts'

/** Turns what a server sends into rectangles of a recording. Calls are made one after the other. */
export interface ScreenEncoder {
  /** Rectangles to ask the server for, the preferred first. */
  readonly encodings: readonly number[]
  /** A frame begins: the whole screen comes next. */
  begin(width: number, height: number): void
  rectangle(rectangle: Extract<RfbPart, { kind: 'rectangle' }>): void
  /** A piece of the rectangle's content. */
  content(bytes: Uint8Array): Promise<void>
  /** The update is whole; updates are asked for `intervalMs` apart. */
  updated(nowMs: number, intervalMs: number): Promise<void>
  /** Writes what was held back and is due; resolves to ms until something will be, or `undefined`. */
  settle(nowMs: number): Promise<number | undefined>
  /** The server is gone in the middle of an update: forgets what is not whole. */
  drop(): void
}
