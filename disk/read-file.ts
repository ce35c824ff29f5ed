import { open } from 'node:fs/promises'

/** Reads `[from, to)` of a file in pieces, each its own memory. Ends early where the file ends. */
export async function* readFileRange(
  path: string,
  from = 0,
  to = Number.POSITIVE_INFINITY,
  pieceBytes = 256 * 1024,
): AsyncGenerator<Uint8Array> {
  const file = await open(path, 'r')
  try {
    for (let at = from; at < to; ) {
      const want = Math.min(pieceBytes, to - at)
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafeSlow(want), 0, want, at)
      if (bytesRead === 0) return
      yield buffer.subarray(0, bytesRead)
      at += bytesRead
    }
  } finally {
    await file.close()
  }
}
