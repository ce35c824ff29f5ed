import { concatBytes } from '../format/bytes.ts'
import { FormatError } from '../format/format-error.ts'
import { FrameScanner } from '../format/frame-scanner.ts'
import { type End, type Gap, parseRecord } from '../format/records.ts'
import { repairBody } from '../format/repair.ts'
import type { TimelineEvent, TimelineHeader } from '../format/timeline.ts'
import { TimelineDecoder } from '../format/timeline-decoder.ts'
import { inflateFrame, tryInflate } from './zstd.ts'

/** A BODY is held whole to be decoded; none of ours is larger compressed. */
const bodyBytesMax = 64 * 1024 * 1024

export type RecordingItem =
  | { kind: 'header'; header: TimelineHeader }
  | { kind: 'events'; events: TimelineEvent[]; sealed: boolean }
  | { kind: 'gap'; gap: Gap }
  | { kind: 'end'; end: End }

/**
 * The content of a timeline stream from its stored bytes, whatever their pieces, which must not change afterwards; over
 * gaps, and up to where a torn tail decodes (I5). `headerSent`: they begin with a later frame. Checks no signature: that is
 * `StreamVerifier`'s. Throws FormatError where the bytes are no recording.
 */
export async function* readRecording(
  stored: AsyncIterable<Uint8Array>,
  options: { headerSent?: boolean } = {},
): AsyncGenerator<RecordingItem> {
  const scanner = new FrameScanner()
  let body: Uint8Array[] = []
  let bodyBytes = 0
  let headerSent = options.headerSent ?? false
  const decoderFor = (): TimelineDecoder => new TimelineDecoder({ headerExpected: !headerSent })

  function* itemsOf(raw: Uint8Array, sealed: boolean): Generator<RecordingItem> {
    const decoder = decoderFor()
    const events = decoder.push(raw)
    if (decoder.header) {
      headerSent = true
      yield { kind: 'header', header: decoder.header }
    }
    if (events.length > 0) yield { kind: 'events', events, sealed }
  }

  for await (const bytes of stored) {
    scanner.push(bytes)
    for (let part = scanner.next(); part; part = scanner.next()) {
      if (part.kind === 'gap') yield { kind: 'gap', gap: parseRecord('gap', part.payload, part.offset) }
      if (part.kind === 'end') yield { kind: 'end', end: parseRecord('end', part.payload, part.offset) }
      if (part.kind !== 'body') continue
      body.push(part.bytes)
      bodyBytes += part.bytes.length
      if (bodyBytes > bodyBytesMax)
        throw new FormatError('body-size', `A BODY has more than ${bodyBytesMax} bytes.`, part)
      if (!part.last) continue
      yield* itemsOf(await inflateFrame(concatBytes(body)), true)
      body = []
      bodyBytes = 0
    }
  }
  const torn = bodyBytes > 0 ? repairBody(concatBytes(body), tryInflate) : undefined
  if (torn) yield* itemsOf(torn.raw, false)
}
