import { ZSTDDecoder } from 'zstddec'
import { FormatError } from '../../../format/format-error.ts'
import { frameEvents } from '../../../format/frame-events.ts'
import type { TimelineEvent } from '../../../format/timeline.ts'
import { release } from '../release.ts'

/** No frame of ours is larger decoded; one that claims more is a bomb. */
const rawBytesMax = 64 * 1024 * 1024

/** A closed frame's events. `rawBytes` = what its SEAL says it decodes to, which must be so. Rejects with FormatError. */
export async function decodeFrame(body: Uint8Array, rawBytes: number): Promise<TimelineEvent[]> {
  if (rawBytes === 0) return []
  const events: TimelineEvent[] = []
  const raw = await inflate(body, rawBytes)
  try {
    for (const piece of frameEvents(raw, rawBytes)) for (const event of piece) events.push(event)
  } finally {
    release(raw)
  }
  return events
}

/** What decodes to `rawBytes`; where it does not, something of another size. Rejects with FormatError. */
export async function inflate(body: Uint8Array, rawBytes: number): Promise<Uint8Array> {
  if (!(rawBytes > 0 && rawBytes <= rawBytesMax))
    throw new FormatError(
      'raw-size',
      `A frame claims to decode to ${rawBytes} bytes; ${rawBytesMax} are allowed.`,
    )
  const decoder = new ZSTDDecoder()
  await decoder.init()
  try {
    return decoder.decode(body, rawBytes)
  } catch {
    throw new FormatError('zstd', 'A frame does not decode.')
  }
}
