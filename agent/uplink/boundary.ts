import type { Crypto } from '../../format/ports.ts'
import { skippableHeaderBytes, skippableSpanBytes } from '../../format/skippable.ts'
import { recordHash, type WrittenFrame } from '../../format/stream-writer.ts'
import { endOf, partBelow } from '../queue/part-log.ts'
import type { SpooledStream } from '../queue/spooled-stream.ts'

/** END and GAP are less. */
const recordBytesMax = 8192

/** The part that ends at `offset`; `undefined` where none does. */
export function partEndingAt(spooled: SpooledStream, offset: number): WrittenFrame | undefined {
  const part = partBelow(spooled.state.written, offset)
  return endOf(part) === offset ? part : undefined
}

/** Whether `seal` is the name of the last record below `offset`: what a receipt says must be what was sent (I2). */
export async function namesBoundary(
  spooled: SpooledStream,
  offset: number,
  seal: string,
  crypto: Crypto,
): Promise<boolean> {
  if (partEndingAt(spooled, offset)?.chain === seal) return true
  // END, and GAPs that took the place of frames, are no parts: the file that has the byte before begins with them.
  const queued = await spooled.peek(offset - 1, recordBytesMax)
  if (!queued) return false
  const frame = queued.kind === 'gap' ? queued.frame : queued.bytes
  if (frame.length < skippableHeaderBytes) return false
  const payload = frame.subarray(
    skippableHeaderBytes,
    queued.kind === 'gap' ? undefined : skippableSpanBytes(frame),
  )
  return recordHash(payload, crypto.sha256) === seal
}
