import { concatBytes } from '../format/bytes.ts'
import { wholeBlockBytes } from '../format/fbs.ts'
import { FormatError } from '../format/format-error.ts'
import { FrameScanner } from '../format/frame-scanner.ts'
import { type End, type Gap, type Head, parseRecord } from '../format/records.ts'
import { repairBody } from '../format/repair.ts'
import { inflateFrame, rawScreenBytesMax, tryInflate } from './zstd.ts'

/** A BODY is held whole to be decoded; none of ours is larger compressed. */
const bodyBytesMax = 64 * 1024 * 1024

export type BodyItem =
  /** `sealed` false: a torn one, as far as it decodes. */
  | { kind: 'body'; raw: Uint8Array; sealed: boolean; offset: number }
  | { kind: 'gap'; gap: Gap }
  | { kind: 'end'; end: End }

/**
 * What `zstdcat` prints of a stream, frame by frame, from its stored bytes, whatever their pieces, which must not change
 * afterwards; over gaps, and up to where a torn tail decodes (I5). Checks no signature: that is `StreamVerifier`'s.
 * Throws FormatError where the bytes are no recording.
 */
export async function* readBodies(stored: AsyncIterable<Uint8Array>): AsyncGenerator<BodyItem> {
  const scanner = new FrameScanner()
  let head: Head | undefined
  let body: Uint8Array[] = []
  let bodyBytes = 0
  let offset = 0
  for await (const bytes of stored) {
    scanner.push(bytes)
    for (let part = scanner.next(); part; part = scanner.next()) {
      if (part.kind === 'head') head = parseRecord('head', part.payload, part.offset)
      if (part.kind === 'gap') yield { kind: 'gap', gap: parseRecord('gap', part.payload, part.offset) }
      if (part.kind === 'end') yield { kind: 'end', end: parseRecord('end', part.payload, part.offset) }
      if (part.kind !== 'body') continue
      if (bodyBytes === 0) offset = part.offset
      body.push(part.bytes)
      bodyBytes += part.bytes.length
      if (bodyBytes > bodyBytesMax)
        throw new FormatError('body-size', `A BODY has more than ${bodyBytesMax} bytes.`, part)
      if (!part.last) continue
      const raw = await inflateFrame(concatBytes(body), rawBytesMax(head))
      yield { kind: 'body', raw, sealed: true, offset }
      body = []
      bodyBytes = 0
    }
  }
  if (bodyBytes === 0) return
  const isFirst = head?.frame === 0
  const whole = head?.stream === 'rfb' ? (raw: Uint8Array) => wholeBlockBytes(raw, isFirst) : undefined
  const torn = repairBody(concatBytes(body), (frame) => tryInflate(frame, rawBytesMax(head)), 0, whole)
  if (torn) yield { kind: 'body', raw: torn.raw, sealed: false, offset }
}

function rawBytesMax(head: Head | undefined): number | undefined {
  return head?.stream === 'rfb' ? rawScreenBytesMax : undefined
}
