import { fromBase64url, textOf, toBase64url, utf8 } from './bytes.ts'
import type { Crypto, Signer } from './ports.ts'

// A signed payload is one JSON object whose last member is "signature". The signature covers exactly the payload bytes
// before the trailer, so nothing has to be put into a canonical form to check it.
const trailerStart = ',"signature":"'
/** `,"signature":"` + 86 characters of base64url (64 bytes) + `"}` */
export const trailerBytes = trailerStart.length + 86 + 2

export function encodeSigned(value: Record<string, unknown>, signer: Signer): Uint8Array {
  const body = JSON.stringify(value).slice(0, -1)
  return utf8(`${body}${trailerStart}${toBase64url(signer.sign(utf8(body)))}"}`)
}

/** The signature of a payload, and what it covers; `undefined` when the trailer is not exactly as written above. */
export function splitSigned(payload: Uint8Array): { covered: Uint8Array; signature: Uint8Array } | undefined {
  const trailer = textOf(payload.subarray(Math.max(0, payload.length - trailerBytes)))
  if (trailer?.length !== trailerBytes || !trailer.startsWith(trailerStart) || !trailer.endsWith('"}')) return
  const signature = fromBase64url(trailer.slice(trailerStart.length, -2))
  return signature && { covered: payload.subarray(0, payload.length - trailerBytes), signature }
}

export function isSignedBy(payload: Uint8Array, publicKey: Uint8Array, crypto: Crypto): boolean {
  const parts = splitSigned(payload)
  return parts !== undefined && crypto.verify(publicKey, parts.covered, parts.signature)
}
