import { pipeline } from 'node:stream/promises'
import { constants, createZstdDecompress } from 'node:zlib'
import { type FbsBlock, FbsReader, fbsHeader } from '../format/fbs.ts'
import { FormatError } from '../format/format-error.ts'
import { rawScreenBytesMax } from './zstd.ts'

/** Screens are made with 32 MiB; a larger window is memory that somebody else chooses. */
const windowLogMax = 25
const pieceBytes = 256 * 1024

/**
 * The blocks of one BODY of a screen, decoded piece by piece as they are asked for: neither the BODY nor its content is ever
 * whole in memory. The handshake of the first one is left out; what is missing at the end of a torn one, too. A piece's
 * blocks must be taken before the next piece is asked for. `rawBytes` = what a SEAL says that it decodes to. Throws FormatError
 * `zstd`, `raw-size` or `fbs`, the last when blocks are taken.
 */
export async function* screenBlocks(
  body: AsyncIterable<Uint8Array>,
  rawBytes?: number,
): AsyncGenerator<Iterable<FbsBlock>> {
  let reader: FbsReader | undefined
  let handshake = false
  function* blocksOf(piece: Uint8Array): Generator<FbsBlock> {
    // No block is so long that its length could begin like the header.
    handshake = reader ? handshake : piece[0] === fbsHeader[0]
    reader ??= new FbsReader({ headerExpected: handshake })
    for (const block of reader.push(piece)) {
      if (handshake) handshake = false
      else yield block
    }
  }
  for await (const piece of inflated(body, rawBytes)) yield blocksOf(piece)
  if (rawBytes !== undefined && (reader?.pendingBytes ?? 0) > 0)
    throw new FormatError('fbs', 'A frame ends within a block.')
}

async function* inflated(
  body: AsyncIterable<Uint8Array>,
  rawBytes: number | undefined,
): AsyncGenerator<Uint8Array> {
  const most = Math.min(rawBytes ?? rawScreenBytesMax, rawScreenBytesMax)
  const inflate = createZstdDecompress({
    params: { [constants.ZSTD_d_windowLogMax]: windowLogMax },
    chunkSize: pieceBytes,
    // Of a torn one what there is.
    finishFlush: constants.ZSTD_e_flush,
  })
  let bodyError: unknown
  async function* noted() {
    try {
      yield* body
    } catch (error) {
      bodyError = error
      throw error
    }
  }
  const feeding = pipeline(noted(), inflate).catch(() => undefined)
  let bytes = 0
  try {
    for await (const piece of inflate as AsyncIterable<Uint8Array>) {
      bytes += piece.length
      if (bytes > most)
        throw new FormatError('raw-size', `A screen's frame decodes to more than ${most} bytes.`)
      yield piece
    }
  } catch (error) {
    if (bodyError) throw bodyError
    if (error instanceof FormatError) throw error
    throw new FormatError('zstd', `A frame does not decode: ${(error as Error).message}`)
  } finally {
    inflate.destroy()
    // Else what is still being read of the BODY would be missing to who reads on behind it.
    await feeding
  }
  if (rawBytes !== undefined && bytes !== rawBytes)
    throw new FormatError('zstd', 'A frame does not decode to what its seal says.')
}
