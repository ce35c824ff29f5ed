import { bytes, duration } from './print.ts'

/** What takes less is done before it could be read. */
const quietMs = 500
const redrawMs = 200

/** A line on the standard error that says how far something long is; nothing where nobody looks at it. */
export class Progress {
  readonly #what: string
  readonly #totalBytes: number | undefined
  readonly #startedMs = performance.now()
  readonly #timer: NodeJS.Timeout | undefined
  #bytes = 0
  #share: number | undefined
  #shown = false

  constructor(what: string, totalBytes?: number) {
    this.#what = what
    this.#totalBytes = totalBytes
    if (process.stderr.isTTY) this.#timer = setInterval(() => this.#draw(), redrawMs)
  }

  /** Passes pieces on and counts them. */
  async *count(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of pieces) {
      this.#bytes += piece.length
      yield piece
    }
  }

  /** How much of it is done, from 0 to 1, where that is not told by bytes. */
  at(share: number): void {
    this.#share = share
  }

  /** Takes the line away. */
  end(): void {
    clearInterval(this.#timer)
    if (this.#shown) process.stderr.write('\r\u001b[K')
  }

  #draw(): void {
    const tookMs = performance.now() - this.#startedMs
    if (tookMs < quietMs) return
    this.#shown = true
    const total = this.#totalBytes
    const all = total !== undefined && this.#bytes >= total
    const done =
      this.#bytes === 0 || all ? '' : `  ${bytes(this.#bytes)}${total ? ` of ${bytes(total)}` : ''}`
    const share = this.#share === undefined ? '' : `  ${Math.floor(this.#share * 100)} %`
    const waiting = all ? '  waiting for the server' : ''
    process.stderr.write(`\r\u001b[K${this.#what}${share || done}${waiting}  ${duration(tookMs)}`)
  }
}
