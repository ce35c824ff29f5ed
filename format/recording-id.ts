import { FormatError } from './format-error.ts'

// UUID version 7 (RFC 9562, section 5.7), lower case: its first 48 bits are the start in ms since the epoch.
const pattern = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** The only check an id needs before it may become part of a path or a query. */
export function isRecordingId(text: unknown): text is string {
  return typeof text === 'string' && pattern.test(text)
}

/** `startMs` since the epoch; `random` = 10 random bytes. */
export function makeRecordingId(startMs: number, random: Uint8Array): string {
  if (random.length !== 10)
    throw new FormatError('id-random', `Expected 10 random bytes, got ${random.length}.`)
  const time = Math.max(0, Math.min(Math.floor(startMs), 2 ** 48 - 1))
    .toString(16)
    .padStart(12, '0')
  const bits = random.slice()
  bits[0] = (bits[0]! & 0x0f) | 0x70
  bits[2] = (bits[2]! & 0x3f) | 0x80
  const tail = bits.toHex()
  return `${time.slice(0, 8)}-${time.slice(8)}-${tail.slice(0, 4)}-${tail.slice(4, 8)}-${tail.slice(8)}`
}

/** Start in ms since the epoch. */
export function recordingStartMs(id: string): number {
  if (!isRecordingId(id))
    throw new FormatError('id', `Expected a recording id (UUIDv7), got ${JSON.stringify(id)}.`)
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
}

/** `YYYY/MM/DD/<id>`, the UTC day of the start: where a store keeps the recording's files. */
export function recordingPath(id: string): string {
  const day = new Date(recordingStartMs(id)).toISOString().slice(0, 10)
  return `${day.replaceAll('-', '/')}/${id}`
}
