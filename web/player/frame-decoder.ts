import { ZSTDDecoder } from 'zstddec'
import { FormatError } from '../../format/format-error.ts'
import type { TimelineEvent } from '../../format/timeline.ts'
import { TimelineDecoder } from '../../format/timeline-decoder.ts'

/** No frame of ours is larger decoded; one that claims more is a bomb. */
const rawBytesMax = 64 * 1024 * 1024
const brace = 0x7b

/** A closed frame's events. `rawBytes` = what its SEAL says it decodes to, which must be so. */
export async function decodeFrame(body: Uint8Array, rawBytes: number): Promise<TimelineEvent[]> {
  if (rawBytes === 0) return []
  if (!(rawBytes > 0 && rawBytes <= rawBytesMax))
    throw new FormatError(
      'raw-size',
      `A frame claims to decode to ${rawBytes} bytes; ${rawBytesMax} are allowed.`,
    )
  const decoder = new ZSTDDecoder()
  await decoder.init()
  const raw = decoder.decode(body, rawBytes)
  if (raw.length !== rawBytes) throw new FormatError('zstd', 'A frame does not decode to what its seal says.')
  // Only the first frame opens with the header line.
  return new TimelineDecoder({ headerExpected: raw[0] === brace }).push(raw)
}
