import { FrameScanner } from '../format/frame-scanner.ts'
import { parseRecord, type StreamName } from '../format/records.ts'

/** Which stream of a recording the stored bytes are, as their first HEAD says. Throws FormatError where they are none. */
export async function streamOf(stored: AsyncIterable<Uint8Array>): Promise<StreamName> {
  const scanner = new FrameScanner()
  for await (const bytes of stored) {
    scanner.push(bytes)
    for (let part = scanner.next(); part; part = scanner.next())
      if (part.kind === 'head') return parseRecord('head', part.payload, part.offset).stream
  }
  // Who reads it as a timeline says what is wrong.
  return 'cast'
}
