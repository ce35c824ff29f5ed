import { readU32le, writeU32le } from './bytes.ts'

// zstd skippable frames (RFC 8878, section 3.1.2): magic u32 LE, size u32 LE, then that many bytes which decoders pass over.
export const skippableHeaderBytes = 8

export const magic = {
  head: 0x184d2a50,
  seal: 0x184d2a51,
  gap: 0x184d2a52,
  end: 0x184d2a53,
  lost: 0x184d2a54,
  index: 0x184d2a55,
  seekTable: 0x184d2a5e,
  zstd: 0xfd2fb528,
} as const

export function isSkippable(value: number): boolean {
  return value >>> 4 === 0x184d2a5
}

/** `spanBytes` (whole frame) lets the payload be followed by zeros; by default the frame ends with its payload. */
export function encodeSkippable(
  frameMagic: number,
  payload: Uint8Array,
  spanBytes = skippableHeaderBytes + payload.length,
): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(skippableHeaderBytes + payload.length)
  writeU32le(frame, 0, frameMagic)
  writeU32le(frame, 4, spanBytes - skippableHeaderBytes)
  frame.set(payload, skippableHeaderBytes)
  return frame
}

/** Size of the whole skippable frame whose 8 header bytes start at `at`. */
export function skippableSpanBytes(bytes: Uint8Array, at = 0): number {
  return readU32le(bytes, at + 4) + skippableHeaderBytes
}
