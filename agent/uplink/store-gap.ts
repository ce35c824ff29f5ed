import type { Signer } from '../../format/ports.ts'
import { replaceByGap } from '../../format/stream-writer.ts'
import type { SpooledStream } from '../queue/spooled-stream.ts'
import { partEndingAt } from './boundary.ts'

/**
 * The GAP for the bytes from `from` on that the farm had a receipt for and lost, to the next that is still here.
 * `undefined` where none can be made.
 */
export function storeGap(
  spooled: SpooledStream,
  from: number,
  signer: Signer,
): { to: number; frame: Uint8Array } | undefined {
  const { files, durable, recording } = spooled
  const to = files.find((file) => file.start > from)?.start ?? durable
  const before = partEndingAt(spooled, from)
  const last = partEndingAt(spooled, to)
  if (!before || !last) return undefined
  const gap = {
    recording,
    fromUs: before.endUs,
    toUs: last.endUs,
    reason: 'store',
    previous: before.chain,
    through: last.chain,
    lostBytes: to - from,
  } as const
  return { to, frame: replaceByGap(gap, to - from, signer) }
}
