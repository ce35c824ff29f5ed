import type { ScreenSource } from './desktop-recorder.ts'
import { RfbConnection, type RfbServer } from './rfb-connection.ts'

/** A server that runs by itself: Xvnc, or one that the site started. */
export function rfbSource(server: RfbServer): ScreenSource {
  return {
    open: (encodings, signal) => RfbConnection.open(server, encodings, signal),
    close: async () => undefined,
  }
}
