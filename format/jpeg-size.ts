import { FormatError } from './format-error.ts'

// What a JPEG says of its size before anybody unpacks it (ITU T.81, B.1 and B.2.2): segments of a marker, a length and
// content, up to the frame header.

const marker = { start: 0xd8, baseline: 0xc0, extended: 0xc1, scan: 0xda, end: 0xd9 }

/**
 * Size in pixels. Throws FormatError `rfb-jpeg` where it is no JPEG that a recording may have: a progressive one can have so
 * many scans that a megabyte takes minutes.
 */
export function jpegSize(bytes: Uint8Array): { width: number; height: number } {
  const word = (at: number) => (bytes[at]! << 8) | bytes[at + 1]!
  if (bytes[0] !== 0xff || bytes[1] !== marker.start) throw damaged('it does not begin as one')
  for (let at = 2; at + 9 <= bytes.length && bytes[at] === 0xff; at += 2 + word(at + 2)) {
    const kind = bytes[at + 1]!
    if (kind === marker.baseline || kind === marker.extended)
      return { width: word(at + 7), height: word(at + 5) }
    if (kind === marker.scan || kind === marker.end) break
    const frame = kind >= 0xc0 && kind <= 0xcf && kind !== 0xc4 && kind !== 0xc8 && kind !== 0xcc
    if (frame) throw damaged(`its coding is 0x${kind.toString(16)}, and only the baseline is allowed`)
  }
  throw damaged('it has no size')
}

function damaged(why: string): FormatError {
  return new FormatError('rfb-jpeg', `Expected a JPEG: ${why}.`)
}
