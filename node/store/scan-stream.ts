import { FrameScanner, type RecordPart } from '../../format/frame-scanner.ts'
import type { StreamVerifier } from '../../format/stream-verifier.ts'
import type { StreamRecord } from '../../format/verify-report.ts'

/** One read of a file: large enough for a disk, small enough that thousands of scans in turn stay small. */
const readBytes = 256 * 1024

/**
 * Walks the first `size` bytes of a stream's file through `verifier`, or those behind `from`, where it stopped between parts. The padding of GAPs is passed without being read:
 * it is a hole that this farm made, and may have gigabytes. Stops where the bytes are no recording.
 */
export async function scanStream(
  read: (offset: number, length: number) => Promise<Uint8Array>,
  size: number,
  verifier: StreamVerifier,
  note: (records: StreamRecord[]) => void,
  from = 0,
): Promise<void> {
  let walker = new FrameScanner(from)
  let at = from
  while (at < size) {
    const bytes = await read(at, Math.min(readBytes, size - at))
    if (bytes.length === 0) return
    walker.push(bytes)
    const gap = nextGap(walker)
    if (gap === 'damaged') return note(verifier.push(bytes))
    if (gap === undefined) {
      note(verifier.push(bytes))
      at += bytes.length
      continue
    }
    // The verifier may hold the first bytes of this GAP already, from the read before.
    const payloadEnd = gap.offset + gap.frame.length
    note(verifier.push(bytes.subarray(0, payloadEnd - at)))
    const end = Math.min(size, gap.offset + gap.size)
    note(passPadding(verifier, end - payloadEnd))
    at = end
    walker = new FrameScanner(end)
    if (end < gap.offset + gap.size) return
  }
}

/** Tells a verifier that `size` bytes of a GAP's padding come that need not be looked at. */
export function passPadding(verifier: StreamVerifier, size: number): StreamRecord[] {
  if (size === 0) return []
  // A GAP's payload ends at its first zero, so one has to be shown.
  const records = verifier.push(new Uint8Array(1))
  return size > 1 ? [...records, ...verifier.skipHole(size - 1)] : records
}

function nextGap(walker: FrameScanner): RecordPart | 'damaged' | undefined {
  try {
    for (let part = walker.next(); part; part = walker.next())
      if (part.kind === 'gap' && part.size > part.frame.length) return part
    return undefined
  } catch {
    return 'damaged'
  }
}
