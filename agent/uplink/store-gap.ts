import type { Signer } from '../../format/ports.ts'
import type { StreamState } from '../../format/stream-writer.ts'
import { replaceByGap } from '../../format/stream-writer.ts'

/** The chain and the time at a boundary of the stream; `undefined` when no part ends there. */
export function boundaryAt(
  state: StreamState,
  offset: number,
): { chain: string | null; endUs: number } | undefined {
  if (offset === 0) return { chain: null, endUs: 0 }
  const part = state.written.find(
    ({ offset: start, head, body, seal }) => start + head + body + seal === offset,
  )
  return part && { chain: part.chain, endUs: part.endUs }
}

/** The GAP for written bytes `[from, to)` that the farm had a receipt for and lost. `undefined` where none can be made. */
export function storeGap(
  recording: string,
  state: StreamState,
  from: number,
  to: number,
  signer: Signer,
): Uint8Array | undefined {
  const before = boundaryAt(state, from)
  const after = boundaryAt(state, to)
  if (!before || !after || from === 0) return undefined
  return replaceByGap(
    {
      recording,
      fromUs: before.endUs,
      toUs: after.endUs,
      reason: 'store',
      previous: before.chain,
      ...(after.chain !== null && { through: after.chain }),
      lostBytes: to - from,
    },
    to - from,
    signer,
  )
}
