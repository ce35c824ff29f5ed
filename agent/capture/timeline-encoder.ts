import { concatBytes } from '../../format/bytes.ts'
import { wholeCharacterBytes } from '../../format/output-text.ts'
import { encodeEvent, encodeOutput } from '../../format/timeline.ts'
import type { LogItem } from './log-follower.ts'

// Log items to timeline lines. Output that comes within a moment becomes one event; a character that is cut waits for
// its rest.

/** Output within this is one event: no eye and no replay tells the difference, and `cat` becomes 10 times fewer lines. */
const mergeUs = 2000
/** One event's output at most: a line of 64 KiB is at most 400 KB of JSON. */
const eventBytesMax = 64 * 1024

export class TimelineEncoder {
  #held = new Uint8Array(0)

  /** Bytes of a character whose rest has not come. */
  get holds(): boolean {
    return this.#held.length > 0
  }

  encode(items: readonly LogItem[]): Uint8Array[] {
    const lines: Uint8Array[] = []
    let group: Uint8Array[] = []
    let groupBytes = 0
    let groupUs = 0
    const flush = () => {
      if (group.length > 0) lines.push(...this.#output(groupUs, group))
      group = []
      groupBytes = 0
    }
    for (const item of items) {
      if (item.kind === 'output') {
        if (
          groupBytes > 0 &&
          (item.timeUs - groupUs > mergeUs || groupBytes + item.bytes.length > eventBytesMax)
        )
          flush()
        if (groupBytes === 0) groupUs = item.timeUs
        group.push(item.bytes)
        groupBytes += item.bytes.length
      } else if (item.kind === 'resize') {
        flush()
        lines.push(encodeEvent(item.timeUs, 'r', `${item.columns}x${item.rows}`))
      }
    }
    flush()
    return lines
  }

  /** At the end of the session: what was held is given out as it is. */
  finish(timeUs: number): Uint8Array[] {
    const held = this.#held
    this.#held = new Uint8Array(0)
    return held.length > 0 ? [encodeOutput(timeUs, held)] : []
  }

  #output(timeUs: number, group: Uint8Array[]): Uint8Array[] {
    const all = joined(this.#held.length > 0 ? [this.#held, ...group] : group)
    const whole = wholeCharacterBytes(all)
    this.#held = new Uint8Array(all.subarray(whole))
    const lines: Uint8Array[] = []
    for (let at = 0; at < whole; ) {
      const room = Math.min(whole, at + eventBytesMax)
      const end = room === whole ? whole : at + wholeCharacterBytes(all.subarray(at, room))
      lines.push(encodeOutput(timeUs, all.subarray(at, end)))
      at = end
    }
    return lines
  }
}

/** Without a copy where each lies behind the one before in memory, as what was read at once does. */
function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const first = pieces[0]!
  let end = first.byteOffset
  for (const piece of pieces) {
    if (piece.buffer !== first.buffer || piece.byteOffset !== end) return concatBytes(pieces)
    end += piece.length
  }
  return new Uint8Array(first.buffer, first.byteOffset, end - first.byteOffset)
}
