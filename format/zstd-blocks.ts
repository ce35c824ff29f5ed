import { readU32le } from './bytes.ts'
import { FormatError } from './format-error.ts'
import { magic } from './skippable.ts'

// The outside of a zstd frame (RFC 8878, section 3.1.1): a frame header, then blocks of a 3-byte header and content.

export const blockHeaderBytes = 3
/** Magic, descriptor and one byte more at least. */
const frameHeaderBytesMin = 6
/** An empty last block of type Raw: closes a frame of which only whole blocks are left. */
export const emptyLastBlock = new Uint8Array([1, 0, 0])

/** Size of magic and frame header at `at`; `undefined` while bytes are missing. */
export function frameHeaderBytes(bytes: Uint8Array, at: number, offset?: number): number | undefined {
  const descriptor = bytes[at + 4]
  if (descriptor === undefined) return undefined
  const single = (descriptor >> 5) & 1
  if (descriptor & 0x08) throw damaged('a reserved bit is set', offset)
  if (descriptor & 0x04) throw damaged('it has a content checksum, which a BODY never has', offset)
  const size = 5 + (1 - single) + [0, 1, 2, 4][descriptor & 3]! + [single, 2, 4, 8][descriptor >> 6]!
  return at + size <= bytes.length ? size : undefined
}

/** Memory that decoding the frame at `at` takes: its window (RFC 8878, 3.1.1.1.2), or its content where it says that. */
export function frameWindowBytes(bytes: Uint8Array, at: number): number {
  const descriptor = bytes[at + 4]!
  if ((descriptor >> 5) & 1) {
    const size = [1, 2, 4, 8][descriptor >> 6]!
    const start = at + 5 + [0, 1, 2, 4][descriptor & 3]!
    let content = size === 2 ? 256 : 0
    for (let i = 0; i < size; i++) content += bytes[start + i]! * 256 ** i
    return content
  }
  const window = bytes[at + 5]!
  const base = 2 ** (10 + (window >> 3))
  return base + (base / 8) * (window & 7)
}

/** The block whose header is at `at`; `contentBytes` = how many bytes follow the header. */
export function readBlock(
  bytes: Uint8Array,
  at: number,
  offset?: number,
): { last: boolean; type: number; contentBytes: number } {
  const header = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16)
  const type = (header >> 1) & 3
  if (type === 3) throw damaged('a block has the reserved type', offset)
  const size = header >> 3
  // RFC 8878, section 3.1.1.2.4: no block is larger than 128 KiB; an RLE block has one byte whatever its size says.
  if (size > 128 * 1024) throw damaged(`a block claims ${size} bytes`, offset)
  return { last: (header & 1) === 1, type, contentBytes: type === 1 ? 1 : size }
}

/** Where a block of a BODY ends, relative to the BODY's start. Only a `compressed` one checks its own last byte. */
export interface BlockEnd {
  end: number
  compressed: boolean
}

/** The whole blocks of a BODY, and whether the last of them closes the frame. */
export function blockEnds(body: Uint8Array): { ends: BlockEnd[]; closed: boolean } {
  const ends: BlockEnd[] = []
  if (body.length < frameHeaderBytesMin || readU32le(body, 0) !== magic.zstd) return { ends, closed: false }
  try {
    let at = frameHeaderBytes(body, 0) ?? body.length
    while (at + blockHeaderBytes <= body.length) {
      const block = readBlock(body, at)
      const end = at + blockHeaderBytes + block.contentBytes
      if (end > body.length) break
      ends.push({ end, compressed: block.type === 2 })
      if (block.last) return { ends, closed: true }
      at = end
    }
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
  }
  return { ends, closed: false }
}

function damaged(why: string, offset: number | undefined): FormatError {
  return new FormatError('zstd', `Expected a zstd frame: ${why}.`, offset === undefined ? {} : { offset })
}
