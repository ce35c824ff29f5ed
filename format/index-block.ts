import { concatBytes, equalBytes, readU32le, textOf, utf8, writeU32le } from './bytes.ts'
import { FormatError } from './format-error.ts'
import { magic, skippableHeaderBytes } from './skippable.ts'

// The blocks of an index: INDEX.md, "Grammar". A block is good or it is not there: what stands in it is shown to reviewers
// in place of the recording's own bytes, so a changed one must not be believed.

export const indexVersion = 2
export const macBytes = 16
/** The largest is a strip of thumbnails or a picture of the largest screen; nothing larger is taken into memory. */
export const indexBlockBytesMax = 32 * 1024 * 1024
/** What a block says of itself; long lists are in bodies. */
const factsBytesMax = 16 * 1024

const kinds = ['begin', 'frame', 'picture', 'image', 'table', 'trailer'] as const
export type BlockKind = (typeof kinds)[number]

/** `macBytes` of a keyed digest over the parts, one behind the other. */
export type Mac = (parts: readonly Uint8Array[]) => Uint8Array

/** Offsets and sizes in bytes of the index. */
export interface IndexBlock {
  kind: BlockKind
  offset: number
  size: number
  facts: Record<string, unknown>
  body: Uint8Array
  mac: Uint8Array
}

const frontBytes = skippableHeaderBytes + 1 + macBytes + 4

export function encodeIndexBlock(
  recording: string,
  offset: number,
  block: { kind: BlockKind; facts: object; body?: Uint8Array },
  mac: Mac,
): Uint8Array<ArrayBuffer> {
  const facts = utf8(JSON.stringify(block.facts))
  const body = block.body ?? new Uint8Array(0)
  const size = frontBytes + facts.length + body.length
  if (facts.length > factsBytesMax || size > indexBlockBytesMax)
    throw new FormatError(
      'index-block',
      `A block of ${size} bytes with ${facts.length} of facts is too large.`,
    )
  const bytes = new Uint8Array(size)
  writeU32le(bytes, 0, magic.index)
  writeU32le(bytes, 4, size - skippableHeaderBytes)
  bytes[skippableHeaderBytes] = kinds.indexOf(block.kind)
  writeU32le(bytes, frontBytes - 4, facts.length)
  bytes.set(facts, frontBytes)
  bytes.set(body, frontBytes + facts.length)
  bytes.set(macOf(recording, offset, bytes, mac), skippableHeaderBytes + 1)
  return bytes
}

/** The block at the beginning of `bytes`; `undefined` when it needs more. Throws FormatError where there is no good one. */
export function decodeIndexBlock(
  recording: string,
  offset: number,
  bytes: Uint8Array,
  mac: Mac,
): IndexBlock | undefined {
  if (bytes.length < frontBytes) return undefined
  const size = readU32le(bytes, 4) + skippableHeaderBytes
  const kind = kinds[bytes[skippableHeaderBytes]!]
  const factsBytes = readU32le(bytes, frontBytes - 4)
  const sound = size <= indexBlockBytesMax && factsBytes <= factsBytesMax && frontBytes + factsBytes <= size
  if (readU32le(bytes, 0) !== magic.index || !kind || !sound)
    throw new FormatError('index-block', 'Expected a block of an index.', { offset })
  if (bytes.length < size) return undefined
  const whole = bytes.subarray(0, size)
  const found = whole.slice(skippableHeaderBytes + 1, skippableHeaderBytes + 1 + macBytes)
  if (!equalBytes(found, macOf(recording, offset, whole, mac)))
    throw new FormatError('index-mac', 'A block of an index is not what this farm wrote.', { offset })
  const facts = JSON.parse(textOf(whole.subarray(frontBytes, frontBytes + factsBytes)) ?? 'null')
  return { kind, offset, size, facts, body: whole.subarray(frontBytes + factsBytes), mac: found }
}

/** Cuts an index into blocks as its bytes come, in any pieces. Holds one block at most. */
export class IndexScanner {
  readonly #recording: string
  readonly #mac: Mac
  #bytes: Uint8Array = new Uint8Array(0)
  #offset: number

  /** `offset` = where the first byte lies; a block begins there. */
  constructor(recording: string, mac: Mac, offset = 0) {
    this.#recording = recording
    this.#mac = mac
    this.#offset = offset
  }

  /** Up to here all blocks are good. */
  get offset(): number {
    return this.#offset
  }

  /** Throws FormatError at the first block that is not good. */
  *push(bytes: Uint8Array): Generator<IndexBlock> {
    this.#bytes = this.#bytes.length === 0 ? bytes : concatBytes([this.#bytes, bytes])
    for (;;) {
      const block = decodeIndexBlock(this.#recording, this.#offset, this.#bytes, this.#mac)
      if (!block) return
      this.#bytes = this.#bytes.subarray(block.size)
      this.#offset += block.size
      yield block
    }
  }
}

// Recording and offset are a part of it, or a good block could be put where it does not belong.
function macOf(recording: string, offset: number, block: Uint8Array, mac: Mac): Uint8Array {
  const place = new Uint8Array(8)
  new DataView(place.buffer).setBigUint64(0, BigInt(offset))
  const head = block.subarray(0, skippableHeaderBytes + 1)
  const rest = block.subarray(skippableHeaderBytes + 1 + macBytes)
  return mac([utf8(recording), place, head, rest])
}
