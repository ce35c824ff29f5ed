import { concatBytes, textOf, utf8 } from './bytes.ts'

// Recorded bytes as JSON text and back, losslessly. Bytes that are not UTF-8 become lone surrogates U+DC80…U+DCFF,
// as Python's surrogateescape does (PEP 383), so asciinema gives the exact bytes back.

const escapeBase = 0xdc00

/** Any bytes as text; `bytesOfText` gives them back. */
export function textOfBytes(bytes: Uint8Array): string {
  const whole = textOf(bytes)
  if (whole !== undefined) return whole
  const parts: string[] = []
  let start = 0
  for (let at = 0; at < bytes.length; ) {
    const size = characterBytes(bytes, at)
    if (size > 0) {
      at += size
      continue
    }
    if (at > start) parts.push(textOf(bytes.subarray(start, at))!)
    parts.push(String.fromCharCode(escapeBase + bytes[at]!))
    at += 1
    start = at
  }
  if (start < bytes.length) parts.push(textOf(bytes.subarray(start))!)
  return parts.join('')
}

const loneByte = /[\ud800-\udbff][\udc00-\udfff]|([\udc80-\udcff])/g

/** The bytes that `textOfBytes` was given. Other lone surrogates, which it never makes, become U+FFFD. */
export function bytesOfText(text: string): Uint8Array<ArrayBuffer> {
  if (text.isWellFormed()) return utf8(text)
  const parts: Uint8Array[] = []
  let start = 0
  for (const match of text.matchAll(loneByte)) {
    if (match[1] === undefined) continue
    parts.push(utf8(text.slice(start, match.index)), Uint8Array.of(match[1].charCodeAt(0) - escapeBase))
    start = match.index + 1
  }
  parts.push(utf8(text.slice(start)))
  return concatBytes(parts)
}

/** How many leading bytes can be given out so that no UTF-8 character is cut: all, or all but the last 1 to 3. */
export function wholeCharacterBytes(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const at = bytes.length - back
    const byte = bytes[at]!
    if (byte < 0x80) break
    if (byte >= 0xc0) return isStartOf(bytes, at) ? at : bytes.length
  }
  return bytes.length
}

// Bytes of the character at `at` (RFC 3629, section 4), 0 when there is none.
function characterBytes(bytes: Uint8Array, at: number): number {
  const lead = bytes[at]!
  if (lead < 0x80) return 1
  const size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2
  if (lead < 0xc2 || lead > 0xf4 || at + size > bytes.length) return 0
  for (let i = 1; i < size; i++) if (!continues(lead, i, bytes[at + i]!)) return 0
  return size
}

// True when the bytes from `at` to the end are the beginning of one character that more bytes could complete.
function isStartOf(bytes: Uint8Array, at: number): boolean {
  const lead = bytes[at]!
  if (lead < 0xc2 || lead > 0xf4) return false
  const size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2
  if (at + size <= bytes.length) return false
  for (let i = 1; at + i < bytes.length; i++) if (!continues(lead, i, bytes[at + i]!)) return false
  return true
}

function continues(lead: number, index: number, byte: number): boolean {
  if (index > 1) return byte >= 0x80 && byte <= 0xbf
  const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
  const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
  return byte >= low && byte <= high
}
