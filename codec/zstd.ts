import { once } from 'node:events'
import { promisify } from 'node:util'
import { constants, createZstdCompress, zstdDecompress, zstdDecompressSync } from 'node:zlib'
import { concatBytes } from '../format/bytes.ts'
import { FormatError } from '../format/format-error.ts'

const decompress = promisify(zstdDecompress)

/** No timeline frame of ours is larger decoded; one that claims more is a bomb. */
export const rawFrameBytesMax = 64 * 1024 * 1024
/** The same for a screen: three pictures of the largest screen (FORMAT.md, Limits). */
export const rawScreenBytesMax = 256 * 1024 * 1024

/**
 * The timeline's parameters. Windows of 128 KiB keep a stream's memory low and cost 1 % of size for typing. Level 2
 * compresses logs by 5 % less than level 3, but the small blocks of typing by 2 % more, and takes a quarter less time.
 */
export const timelineZstd = {
  [constants.ZSTD_c_compressionLevel]: 2,
  [constants.ZSTD_c_windowLog]: 17,
  [constants.ZSTD_c_hashLog]: 15,
  [constants.ZSTD_c_checksumFlag]: 0,
  [constants.ZSTD_c_contentSizeFlag]: 0,
}

/** Windows are powers of two: of 16 MiB, and of as much as readers allow. */
const screenWindowLogs = { usual: 24, most: 25 }

/**
 * The parameters of a screen of so many bytes: what scrolled, moved or came back is found a picture or more ago. Level 5 is the
 * first that looks for matches well enough without long-distance matching, which takes twice its time.
 */
export function screenZstd(screenBytes: number): Record<number, number> {
  const { usual, most } = screenWindowLogs
  return {
    [constants.ZSTD_c_compressionLevel]: 5,
    [constants.ZSTD_c_windowLog]: screenBytes > 2 ** usual ? most : usual,
    [constants.ZSTD_c_checksumFlag]: 0,
    [constants.ZSTD_c_contentSizeFlag]: 0,
  }
}

/** One BODY being compressed. Calls are made one after the other; each awaited before the next. */
export interface ZstdBody {
  write(raw: Uint8Array): Promise<void>
  /** Compressed bytes that wait for `take`, `flush` or `end`. */
  readonly pendingBytes: number
  /** What was compressed since the last call, wherever it ends. */
  take(): Uint8Array
  /** What came since the last call, ending at a block boundary: everything written so far decodes from it. */
  flush(): Promise<Uint8Array>
  /** As `flush`, and the frame is closed. */
  end(): Promise<Uint8Array>
  /** Frees the compressor of a BODY that will not be ended. */
  close(): void
}

export function openZstdBody(params: Record<number, number> = timelineZstd): ZstdBody {
  const stream = createZstdCompress({ params, chunkSize: 64 * 1024 })
  let out: Uint8Array[] = []
  let pendingBytes = 0
  // Who waits for a call is told by it.
  stream.on('error', () => undefined)
  stream.on('data', (bytes: Uint8Array) => {
    out.push(bytes)
    pendingBytes += bytes.length
  })
  const take = () => {
    const bytes = out.length === 1 ? out[0]! : concatBytes(out)
    out = []
    pendingBytes = 0
    return bytes
  }
  return {
    get pendingBytes() {
      return pendingBytes
    },
    take,
    write: (raw) =>
      new Promise((resolve, reject) => stream.write(raw, (error) => (error ? reject(error) : resolve()))),
    flush: () =>
      new Promise((resolve, reject) => {
        const done = (error?: Error | null) => (error ? reject(error) : resolve(take()))
        stream.flush(constants.ZSTD_e_flush, done)
      }),
    async end() {
      stream.end()
      await once(stream, 'end')
      return take()
    },
    close: () => stream.destroy(),
  }
}

/** The content of a closed frame. Throws FormatError `zstd` (it does not decode) or `raw-size`. */
export async function inflateFrame(frame: Uint8Array, rawBytesMax = rawFrameBytesMax): Promise<Uint8Array> {
  try {
    return await decompress(frame, { maxOutputLength: rawBytesMax })
  } catch (error) {
    throw inflateError(error, rawBytesMax)
  }
}

/** As `inflateFrame`, at once; `undefined` when it does not decode. For `repairBody`. */
export function tryInflate(frame: Uint8Array, rawBytesMax = rawFrameBytesMax): Uint8Array | undefined {
  try {
    return zstdDecompressSync(frame, { maxOutputLength: rawBytesMax })
  } catch {
    return undefined
  }
}

function inflateError(error: unknown, rawBytesMax: number): FormatError {
  if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE')
    return new FormatError('raw-size', `A frame decodes to more than ${rawBytesMax} bytes.`)
  return new FormatError('zstd', `A frame does not decode: ${(error as Error).message}`)
}
