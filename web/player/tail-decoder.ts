import { Decompress } from 'fzstd'
import { FormatError } from '../../format/format-error.ts'
import { FrameScanner } from '../../format/frame-scanner.ts'
import { type End, type Gap, type Head, parseRecord, type Seal } from '../../format/records.ts'
import type { TimelineEvent } from '../../format/timeline.ts'
import { TimelineDecoder } from '../../format/timeline-decoder.ts'

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

  /** Throws FormatError where the stream is damaged. */
  push(bytes: Uint8Array): TailItem[] {
    this.#scanner.push(bytes)
    const items: TailItem[] = []
    for (let part = this.#scanner.next(); part; part = this.#scanner.next()) {
      if (part.kind === 'head') {
        items.push({
          kind: 'head',
          offset: part.offset,
          head: parseRecord('head', part.payload, part.offset),
        })
      } else if (part.kind === 'body') {
        const { offset, first } = part
        items.push({ kind: 'body', offset, size: part.bytes.length, first, events: this.#body(part) })
      } else if (part.kind === 'seal' || part.kind === 'gap' || part.kind === 'end') {
        const { offset, size, payload } = part
        if (part.kind === 'seal')
          items.push({ kind: 'seal', offset, size, seal: parseRecord('seal', payload, offset) })
        if (part.kind === 'gap')
          items.push({ kind: 'gap', offset, size, gap: parseRecord('gap', payload, offset) })
        if (part.kind === 'end')
          items.push({ kind: 'end', offset, size, end: parseRecord('end', payload, offset) })
      }
    }
    return items
  }

  #body(part: { bytes: Uint8Array; first: boolean; last: boolean }): TimelineEvent[] {
    if (part.first || !this.#inflate) this.#openBody()
    this.#events = []
    // The scanner's bytes lie in a buffer of its own; the decoder keeps them until a block is whole.
    this.#inflate?.push(part.bytes.slice(), part.last)
    if (part.last) this.#inflate = undefined
    return this.#events
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
