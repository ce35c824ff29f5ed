import { ZSTDDecoder } from 'zstddec/stream'
import { concatBytes } from '../../../format/bytes.ts'
import { FormatError } from '../../../format/format-error.ts'
import { frameHeaderBytes, frameWindowBytes } from '../../../format/zstd-blocks.ts'

/** The window that screens are compressed with; more is memory that a stream makes the page take. */
const windowBytesMax = 32 * 1024 * 1024
/** As much as zstd decodes, or takes, in one go. */
const pieceBytes = 128 * 1024

interface Zstd {
  memory: WebAssembly.Memory
  malloc(bytes: number): number
  free(address: number): void
  ZSTD_createDCtx(): number
  ZSTD_freeDCtx(context: number): number
  /** 0 = the frame is whole; below 0, an error. Buffers are address, size and position, u32 each. */
  ZSTD_decompressStream(context: number, output: number, input: number): number
}

let zstd: Zstd | undefined

// zstddec's own streaming neither stops in the middle nor gives out what a flush has made whole, and keeps its memory
// where nobody reads on. What it is built around does all of that.
class OpenDecoder extends ZSTDDecoder {
  override _init(result: WebAssembly.WebAssemblyInstantiatedSource): void {
    super._init(result)
    zstd = result.instance.exports as unknown as Zstd
  }
}

export async function loadZstd(): Promise<void> {
  await new OpenDecoder().init()
}

/** Decodes one BODY as its bytes come: all that is decodable of what was pushed is given out. Needs `loadZstd`. */
export class Inflater {
  readonly #zstd = zstd!
  readonly #context = this.#zstd.ZSTD_createDCtx()
  /** Two buffers of zstd's, then what they hold. */
  readonly #memory = this.#zstd.malloc(2 * pieceBytes + 24)
  readonly #out = new Uint8Array(pieceBytes)
  #header: Uint8Array | undefined = new Uint8Array(0)
  #whole = false
  #closed = false

  /** All of the frame was decoded. */
  get isWhole(): boolean {
    return this.#whole
  }

  /** What comes out, in pieces that are valid until the next. Throws FormatError. */
  *push(bytes: Uint8Array): Generator<Uint8Array> {
    const input = this.#header ? this.#begin(bytes) : bytes
    if (!input) return
    for (let at = 0; at < input.length; at += pieceBytes)
      yield* this.#decode(input.subarray(at, at + pieceBytes))
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#zstd.ZSTD_freeDCtx(this.#context)
    this.#zstd.free(this.#memory)
  }

  // Holds the first bytes until they say how much memory is wanted.
  #begin(bytes: Uint8Array): Uint8Array | undefined {
    const all = this.#header!.length === 0 ? bytes : concatBytes([this.#header!, bytes])
    if (frameHeaderBytes(all, 0) === undefined) {
      this.#header = all.slice()
      return undefined
    }
    const window = frameWindowBytes(all, 0)
    if (window > windowBytesMax)
      throw new FormatError(
        'zstd-window',
        `A frame wants ${window} bytes of window; ${windowBytesMax} are allowed.`,
      )
    this.#header = undefined
    return all
  }

  *#decode(input: Uint8Array): Generator<Uint8Array> {
    const [from, to] = [this.#memory, this.#memory + pieceBytes]
    const [source, target] = [to + pieceBytes, to + pieceBytes + 12]
    const view = () => new DataView(this.#zstd.memory.buffer)
    new Uint8Array(this.#zstd.memory.buffer).set(input, from)
    const set = (buffer: number, address: number, size: number) => {
      view().setUint32(buffer, address, true)
      view().setUint32(buffer + 4, size, true)
      view().setUint32(buffer + 8, 0, true)
    }
    set(source, from, input.length)
    for (let taken = 0, given = pieceBytes; taken < input.length || given === pieceBytes; ) {
      if (this.#whole) throw new FormatError('zstd', 'There is something behind the end of a frame.')
      set(target, to, pieceBytes)
      const left = this.#zstd.ZSTD_decompressStream(this.#context, target, source)
      if (left < 0) throw new FormatError('zstd', 'A frame does not decode.')
      this.#whole = left === 0
      taken = view().getUint32(source + 8, true)
      given = view().getUint32(target + 8, true)
      if (given > 0) {
        this.#out.set(new Uint8Array(this.#zstd.memory.buffer, to, given))
        yield this.#out.subarray(0, given)
      }
      if (this.#closed || (this.#whole && taken === input.length)) return
    }
  }
}
