import { FormatError } from './format-error.ts'
import type { TimelineEvent } from './timeline.ts'
import { TimelineDecoder } from './timeline-decoder.ts'

const brace = 0x7b
/** Events are given out in pieces: a frame can hold millions. */
const pieceBytes = 256 * 1024

/**
 * Events of a closed frame's content. `rawBytes` = what its SEAL says it decodes to, which must be so. Throws FormatError
 * where it is no timeline; a frame with damage anywhere counts as lost whole, in every reader.
 */
export function* frameEvents(raw: Uint8Array, rawBytes: number): Generator<TimelineEvent[]> {
  if (raw.length !== rawBytes) throw new FormatError('zstd', 'A frame does not decode to what its seal says.')
  // Only the first frame opens with the header line.
  const decoder = new TimelineDecoder({ headerExpected: raw[0] === brace })
  for (let at = 0; at < raw.length; at += pieceBytes) yield decoder.push(raw.subarray(at, at + pieceBytes))
}
