import type { Signer } from '../../format/ports.ts'
import { encodeSigned } from '../../format/signed-json.ts'
import { encodeSkippable, magic } from '../../format/skippable.ts'

/** LOST: the farm's statement, beside a recording, that its agent went silent. The stream itself is never touched. */
export interface LostMark {
  recording: string
  /** Bytes of the timeline that were there, and of a desktop's screen. */
  offset: number
  screenOffset?: number
  /** Since when the agent has been silent, ms since the epoch. */
  sinceMs: number
}

/** The skippable frame that `Store.markLost` writes. `farm` signs. */
export function encodeLost(mark: LostMark, farm: Signer): Uint8Array {
  return encodeSkippable(magic.lost, encodeSigned({ v: 1, ...mark }, farm))
}
