import { RfbConnection, type RfbServer } from './rfb-connection.ts'
import type { ScreenSource } from './screen-source.ts'
import { type XDisplaySourceOptions, xDisplaySource } from './x-display-source.ts'

/** Reads a desktop as it can be read: its own RFB server where it has one, else its X display. */
export function desktopSource(desktop: XDisplaySourceOptions & { rfb?: RfbServer }): ScreenSource {
  return desktop.rfb ? rfbSource(desktop.rfb) : xDisplaySource(desktop)
}

/** A server that runs by itself: Xvnc, or one that the site started. */
export function rfbSource(server: RfbServer): ScreenSource {
  return {
    open: (encodings, signal) => RfbConnection.open(server, encodings, signal),
    close: async () => undefined,
  }
}
