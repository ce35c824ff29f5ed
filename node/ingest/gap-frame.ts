import { fromBase64url, readU32le } from '../../format/bytes.ts'
import { recordBytesMax } from '../../format/records.ts'
import { magic, skippableHeaderBytes, skippableSpanBytes } from '../../format/skippable.ts'
import { WireError } from '../../wire/wire-error.ts'

/** The GAP of a `skip`: base64url of its header and payload, which must span exactly what is skipped. */
export function parseGap(text: string, spanBytes: number): Uint8Array {
  const frame = fromBase64url(text)
  const whole =
    frame !== undefined &&
    frame.length > skippableHeaderBytes &&
    frame.length <= Math.min(spanBytes, skippableHeaderBytes + recordBytesMax) &&
    readU32le(frame, 0) === magic.gap &&
    skippableSpanBytes(frame) === spanBytes
  if (!whole) throw new WireError('gap', `Expected a GAP that spans ${spanBytes} bytes.`)
  return frame
}
