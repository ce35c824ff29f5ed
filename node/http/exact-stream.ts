import { Readable } from 'node:stream'

/**
 * A body of exactly `bytes` bytes. A source that ends early breaks the connection: a response whose content-length is not
 * met would leave its reader waiting for ever.
 */
export function exactStream(source: AsyncIterable<Uint8Array>, bytes: number): Readable {
  async function* counted() {
    let left = bytes
    for await (const piece of source) {
      yield piece.length > left ? piece.subarray(0, left) : piece
      left -= piece.length
      if (left <= 0) return
    }
    throw new Error(`The stream ended ${left} bytes early.`)
  }
  return Readable.from(counted(), { objectMode: false })
}
