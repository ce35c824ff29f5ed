import type { WebSocket } from 'ws'

/** A peer that is silent for this many heartbeats is gone. */
const beatsMissedMax = 3

/** Pings, so that silence means something, and notices it. */
export class Heartbeat {
  readonly #timer: NodeJS.Timeout
  #silentBeats = 0

  /** `alive` is called at every beat since whose last one something came; `gone` when nothing has for three. */
  constructor(socket: WebSocket, everyMs: number, on: { alive(): void; gone(): void }) {
    socket.on('pong', () => this.heard())
    this.#timer = setInterval(() => {
      if (this.#silentBeats >= beatsMissedMax) {
        on.gone()
        return
      }
      if (this.#silentBeats === 0) on.alive()
      this.#silentBeats += 1
      if (socket.readyState === socket.OPEN) socket.ping()
    }, everyMs)
  }

  heard(): void {
    this.#silentBeats = 0
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
