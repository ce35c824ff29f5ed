import { concatBytes } from './bytes.ts'
import { blockEnds, emptyLastBlock } from './zstd-blocks.ts'

// A BODY that was being written when its writer died: cut at the last block boundary up to which it decodes (I5).

/** `body` is closed and decodes to `raw`; its first `keptBytes` are bytes of the torn one. */
export interface RepairedBody {
  body: Uint8Array
  raw: Uint8Array
  keptBytes: number
}

/**
 * `decode` gives the content of a closed zstd frame, or `undefined` if it does not decode.
 * Returns `undefined` when not one block is whole.
 *
 * A disk that lost power may end a file in zeros, which parse as empty blocks and may lie inside a block that still
 * decodes, to other bytes. So no block is kept that reaches into the zeros at the end by more than one byte; a block of
 * literals only does end in one zero.
 */
export function repairBody(
  torn: Uint8Array,
  decode: (frame: Uint8Array) => Uint8Array | undefined,
): RepairedBody | undefined {
  let zeros = torn.length
  while (zeros > 0 && torn[zeros - 1] === 0) zeros -= 1
  const { ends, closed } = blockEnds(torn)
  const whole = closed ? decode(torn.subarray(0, ends.at(-1))) : undefined
  if (whole && torn.length === ends.at(-1)) return { body: torn, raw: whole, keptBytes: torn.length }
  const usable = ends.filter((end) => end <= zeros + 1)
  // Decoding up to a block needs all blocks before it, so the boundaries that decode come first: search by halves.
  let low = 0
  let high = usable.length
  let best: RepairedBody | undefined
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    const keptBytes = usable[middle - 1]!
    const body = concatBytes([torn.subarray(0, keptBytes), emptyLastBlock])
    const raw = decode(body)
    if (raw) {
      best = { body, raw, keptBytes }
      low = middle
    } else high = middle - 1
  }
  return best
}
