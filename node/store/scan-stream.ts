import { FrameScanner, type RecordPart } from '../../format/frame-scanner.ts'
import type { StreamVerifier } from '../../format/stream-verifier.ts'
import type { StreamRecord } from '../../format/verify-report.ts'

/** One read of a file: large enough for a disk, small enough that thousands of scans in turn stay small. */
const readBytes = 256 * 1024

type Read = (offset: number, length: number) => Promise<Uint8Array>

/**
 * Walks a stream's file through `verifier`, as far as it is told. The padding of GAPs is passed without being read: it is
 * a hole that this farm made, and may have gigabytes. Stops for good where the bytes are no recording.
 */
export class StreamScan {
  readonly #read: Read
  readonly #verifier: StreamVerifier
  readonly #note: (records: StreamRecord[]) => void
  #walker = new FrameScanner()
  #at = 0
  #stopped = false

  constructor(read: Read, verifier: StreamVerifier, note: (records: StreamRecord[]) => void) {
    this.#read = read
    this.#verifier = verifier
    this.#note = note
  }

  /**
   * On to `size`, or until so many bytes were read; false when there is nothing more. `size` = a boundary between parts,
   * or the end of a file that nobody writes.
   */
  async walk(size: number, bytesMax = Number.POSITIVE_INFINITY): Promise<boolean> {
    const until = this.#at + bytesMax
    while (this.#at < size && !this.#stopped) {
      if (this.#at >= until) return true
      await this.#step(size)
    }
    return false
  }

  async #step(size: number): Promise<void> {
    const bytes = await this.#read(this.#at, Math.min(readBytes, size - this.#at))
    this.#walker.push(bytes)
    const gap = nextGap(this.#walker)
    this.#stopped = bytes.length === 0 || gap === 'damaged'
    if (gap === undefined || gap === 'damaged') {
      this.#note(this.#verifier.push(bytes))
      this.#at += bytes.length
      return
    }
    // The verifier may hold the first bytes of this GAP already, from the read before.
    const payloadEnd = gap.offset + gap.frame.length
    this.#note(this.#verifier.push(bytes.subarray(0, payloadEnd - this.#at)))
    const end = Math.min(size, gap.offset + gap.size)
    this.#note(passPadding(this.#verifier, end - payloadEnd))
    this.#at = end
    this.#walker = new FrameScanner(end)
    this.#stopped = end < gap.offset + gap.size
  }
}

/** The first `size` bytes of a stream at once: see `StreamScan`. */
export async function scanStream(
  read: Read,
  size: number,
  verifier: StreamVerifier,
  note: (records: StreamRecord[]) => void,
): Promise<void> {
  await new StreamScan(read, verifier, note).walk(size)
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
