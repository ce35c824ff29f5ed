import { Decompress } from 'fzstd'
import { FormatError } from '../../../format/format-error.ts'
import { FrameScanner } from '../../../format/frame-scanner.ts'
import { type End, type Gap, type Head, parseRecord, type Seal } from '../../../format/records.ts'
import type { TimelineEvent } from '../../../format/timeline.ts'
import { TimelineDecoder } from '../../../format/timeline-decoder.ts'

export type TailItem =
  | { kind: 'head'; offset: number; head: Head }
  | { kind: 'body'; offset: number; size: number; first: boolean; events: TimelineEvent[] }
  | { kind: 'seal'; offset: number; size: number; seal: Seal }
  | { kind: 'gap'; offset: number; size: number; gap: Gap }
  | { kind: 'end'; offset: number; size: number; end: End }

/** As in frame-decoder.ts; here found while it decodes. */
const rawBytesMax = 64 * 1024 * 1024

/**
 * Decodes stream bytes as they come, from the start of a part on, up to where they decode. Meant for what is not sealed
 * yet; sealed frames decode thirty times faster the other way.
 */
export class TailDecoder {
  readonly #scanner: FrameScanner
  #inflate: Decompress | undefined
  #lines: TimelineDecoder | undefined
  #events: TimelineEvent[] = []
  #rawBytes = 0
  #headerSeen: boolean

  constructor(offset: number) {
    this.#scanner = new FrameScanner(offset)
    this.#headerSeen = offset > 0
  }

  /** Gives what is whole so far, and throws FormatError where the stream is damaged, once all before that was given. */
  *push(bytes: Uint8Array): Generator<TailItem> {
    this.#scanner.push(bytes)
    for (let part = this.#scanner.next(); part; part = this.#scanner.next()) {
      const { kind, offset } = part
      if (kind === 'head') yield { kind, offset, head: parseRecord(kind, part.payload, offset) }
      else if (kind === 'body') {
        const { events, damage } = this.#body(part)
        yield { kind, offset, size: part.bytes.length, first: part.first, events }
        if (damage) throw damage
      } else if (kind === 'seal')
        yield { kind, offset, size: part.size, seal: parseRecord(kind, part.payload, offset) }
      else if (kind === 'gap')
        yield { kind, offset, size: part.size, gap: parseRecord(kind, part.payload, offset) }
      else if (kind === 'end')
        yield { kind, offset, size: part.size, end: parseRecord(kind, part.payload, offset) }
    }
  }

  #body(part: { bytes: Uint8Array; first: boolean; last: boolean }): {
    events: TimelineEvent[]
    damage?: unknown
  } {
    if (part.first || !this.#inflate) this.#openBody()
    this.#events = []
    try {
      // The scanner's bytes lie in a buffer of its own; the decoder keeps them until a block is whole.
      this.#inflate?.push(part.bytes.slice(), part.last)
    } catch (damage) {
      return { events: this.#events, damage }
    }
    if (part.last) this.#inflate = undefined
    return { events: this.#events }
  }

  #openBody(): void {
    const lines = new TimelineDecoder({ headerExpected: !this.#headerSeen })
    this.#headerSeen = true
    this.#lines = lines
    this.#rawBytes = 0
    this.#inflate = new Decompress((raw) => {
      this.#rawBytes += raw.length
      if (this.#rawBytes > rawBytesMax)
        throw new FormatError('raw-size', `A frame decodes to more than ${rawBytesMax} bytes.`)
      // One at a time: a frame can hold more events than one call takes arguments.
      for (const event of this.#lines?.push(raw) ?? []) this.#events.push(event)
    })
  }
}
