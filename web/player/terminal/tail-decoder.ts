import { Decompress } from 'fzstd'
import { FormatError } from '../../../format/format-error.ts'
import type { TimelineEvent } from '../../../format/timeline.ts'
import { TimelineDecoder } from '../../../format/timeline-decoder.ts'

/** As in frame-decoder.ts; here found while it decodes. */
const rawBytesMax = 64 * 1024 * 1024

/**
 * Decodes a BODY's bytes as they come, up to where they decode. Meant for what is not sealed yet; sealed frames decode
 * thirty times faster the other way.
 */
export class TailDecoder {
  readonly #lines: TimelineDecoder
  readonly #inflate: Decompress
  #events: TimelineEvent[] = []
  #rawBytes = 0

  constructor(options: { headerExpected: boolean }) {
    this.#lines = new TimelineDecoder(options)
    this.#inflate = new Decompress((raw) => {
      this.#rawBytes += raw.length
      if (this.#rawBytes > rawBytesMax)
        throw new FormatError('raw-size', `A frame decodes to more than ${rawBytesMax} bytes.`)
      // One at a time: a frame can hold more events than one call takes arguments.
      for (const event of this.#lines.push(raw)) this.#events.push(event)
    })
  }

  /** The events that became whole, and what is wrong behind them. */
  push(part: { bytes: Uint8Array; last: boolean }): { events: TimelineEvent[]; damage?: unknown } {
    this.#events = []
    try {
      // The scanner's bytes lie in a buffer of its own; the decoder keeps them until a block is whole.
      this.#inflate.push(part.bytes.slice(), part.last)
    } catch (damage) {
      return { events: this.#events, damage }
    }
    return { events: this.#events }
  }
}
