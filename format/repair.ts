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
 * `decode` gives the content of a closed zstd frame, or `undefined` if it does not decode. `knownBytes` of the torn BODY
 * are known to be as written, since they were synced. `wholeBytes` says how much of a content is whole, where content
 * must not end anywhere (a screen's updates). Returns `undefined` when not one block is whole.
 *
 * A disk that lost power may end a file in zeros, which parse as empty blocks and may lie inside a block that still
 * decodes, to other bytes. So no block is kept that reaches into the zeros at the end, except by the one zero that ends
 * a compressed block of literals; in other compressed blocks a zero there does not decode.
 */
export function repairBody(
  torn: Uint8Array,
  decode: (frame: Uint8Array) => Uint8Array | undefined,
  knownBytes = 0,
  wholeBytes = (raw: Uint8Array) => raw.length,
): RepairedBody | undefined {
  const { ends, closed } = blockEnds(torn)
  const last = ends.at(-1)
  if (closed && last?.end === torn.length) {
    const raw = decode(torn)
    if (raw) return { body: torn, raw, keptBytes: torn.length }
  }
  let dataEnd = torn.length
  while (dataEnd > knownBytes && torn[dataEnd - 1] === 0) dataEnd -= 1
  const usable = ends.filter(({ end, compressed }) => end <= dataEnd || (compressed && end === dataEnd + 1))
  // Decoding up to a block needs all blocks before it, so the boundaries that decode come first: search by halves.
  const lastUsable = (rawBytesMax: number): RepairedBody | undefined => {
    let low = 0
    let high = usable.length
    let best: RepairedBody | undefined
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      const boundary = usable[middle - 1]!
      const keptBytes = boundary.end
      const kept = torn.subarray(0, keptBytes)
      const body = closed && boundary === last ? kept : concatBytes([kept, emptyLastBlock])
      const raw = decode(body)
      if (raw && raw.length <= rawBytesMax) {
        best = { body, raw, keptBytes }
        low = middle
      } else high = middle - 1
    }
    return best
  }
  let best = lastUsable(Number.POSITIVE_INFINITY)
  while (best) {
    const whole = wholeBytes(best.raw)
    if (whole === best.raw.length) return best
    best = whole === 0 ? undefined : lastUsable(whole)
  }
  return undefined
}
