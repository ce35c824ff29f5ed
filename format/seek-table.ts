import { readU32le, writeU32le } from './bytes.ts'
import { FormatError } from './format-error.ts'
import { encodeSkippable, magic, skippableHeaderBytes } from './skippable.ts'

// zstd's seekable format (facebook/zstd, contrib/seekable_format/zstd_seekable_compression_format.md), without checksums:
// entries of compressed size u32, decompressed size u32; then the number of entries u32, descriptor u8 = 0, magic u32.
const footerMagic = 0x8f92eab1
const footerBytes = 9
const entryBytes = 8

/** One zstd frame or skippable frame; a skippable one has `raw` 0. Sizes in bytes. */
export interface SeekEntry {
  size: number
  raw: number
}

export function encodeSeekTable(entries: readonly SeekEntry[]): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(entries.length * entryBytes + footerBytes)
  entries.forEach((entry, i) => {
    writeU32le(payload, i * entryBytes, entry.size)
    writeU32le(payload, i * entryBytes + 4, entry.raw)
  })
  writeU32le(payload, entries.length * entryBytes, entries.length)
  writeU32le(payload, entries.length * entryBytes + 5, footerMagic)
  return encodeSkippable(magic.seekTable, payload)
}

/** `frame` = the whole skippable frame. */
export function parseSeekTable(frame: Uint8Array): SeekEntry[] {
  const count = (frame.length - skippableHeaderBytes - footerBytes) / entryBytes
  const footer = frame.length - footerBytes
  if (
    count < 0 ||
    !Number.isInteger(count) ||
    readU32le(frame, footer) !== count ||
    frame[footer + 4] !== 0 ||
    readU32le(frame, footer + 5) !== footerMagic
  )
    throw new FormatError('seek-table', 'Expected a zstd seek table without checksums.')
  return Array.from({ length: count }, (_, i) => {
    const at = skippableHeaderBytes + i * entryBytes
    return { size: readU32le(frame, at), raw: readU32le(frame, at + 4) }
  })
}
