import type { RfbConnection } from './rfb-connection.ts'

/** Where a desktop's RFB server is reached, again after each loss. */
export interface ScreenSource {
  /** `encodings` = rectangles to ask for, the preferred first. Throws DesktopError; `unreachable` when nothing answers. */
  open(encodings: readonly number[], signal: AbortSignal): Promise<RfbConnection>
  close(): Promise<void>
}
