import { fromBase64url, textOf, toBase64url, utf8 } from '../../format/bytes.ts'
import { isRecordingId } from '../../format/recording-id.ts'

/** Where a page ended: the next one begins behind it, however many rows have come since. */
export interface Cursor {
  startMs: number
  id: string
}

export function encodeCursor({ startMs, id }: Cursor): string {
  return toBase64url(utf8(JSON.stringify([startMs, id])))
}

/** `undefined` when the text is no cursor of ours. */
export function parseCursor(text: string): Cursor | undefined {
  try {
    const [startMs, id, ...more] = JSON.parse(textOf(fromBase64url(text)!)!) as unknown[]
    if (!Number.isSafeInteger(startMs) || !isRecordingId(id) || more.length > 0) return undefined
    return { startMs: startMs as number, id }
  } catch {
    return undefined
  }
}
