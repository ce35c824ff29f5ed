import type { Synced } from '../../disk/durable-file.ts'
import { equalBytes } from '../../format/bytes.ts'
import type { Crypto } from '../../format/ports.ts'
import type { StreamName } from '../../format/records.ts'
import { WireError } from '../../wire/wire-error.ts'
import { scanStream } from '../store/scan-stream.ts'
import type { Store } from '../store/store.ts'
import { StoreError, storeErrorOf } from '../store/store-error.ts'
import type { StorePlace } from '../store/store-place.ts'
import type { FilePool } from './file-pool.ts'
import { Verification } from './verification.ts'

// One stream on its way into its file. Bytes are checked as they come and wait in memory until `flush` writes and syncs
// them. What the file has below its last proven SEAL is compared, never written again (I3); what lies above it and was
// never acknowledged is written again, since nobody knows what of it a dead node had synced.

export interface IncomingOptions {
  store: Store
  files: FilePool
  place: StorePlace
  recording: string
  stream: StreamName
  farmKey: Uint8Array
  crypto: Crypto
  /** Bytes that can be read from the file now, not yet synced. */
  written(offset: number, bytes: Uint8Array): void
}

export interface Flushed {
  proof: Synced
  /** All below is durable. */
  offset: number
  /** What of it came over the wire. */
  receivedBytes: number
}

type Piece = { at: number; bytes: Uint8Array } | { at: number; holeTo: number }

export class IncomingStream {
  readonly verification: Verification
  readonly #options: IncomingOptions
  readonly #key: string
  /** Below it the file's bytes are proven: compared only. */
  readonly #proven: number
  #pending: Piece[] = []
  #next: number
  #durable: number
  #fileSize: number

  private constructor(
    options: IncomingOptions,
    verification: Verification,
    from: { next: number; size: number },
  ) {
    this.#options = options
    this.#key = keyOf(options)
    this.verification = verification
    this.#proven = Math.max(from.next, verification.provenOffset)
    this.#next = from.next
    this.#durable = from.next
    this.#fileSize = from.size
  }

  /**
   * Reads what the file has. Goes on at min(size, `acked`), where `acked` = highest offset acknowledged to this agent.
   * A file below `acked` has lost bytes and may end within a GAP: then at its last proven boundary, or at `oldest`, the
   * agent's first byte, if the file has that. Below `oldest` a GAP can follow there.
   */
  static async open(options: IncomingOptions, acked: number, oldest: number): Promise<IncomingStream> {
    const { store, files, place, stream, farmKey, crypto } = options
    const scan = (size: number) =>
      files.use(
        keyOf(options),
        () => store.open(place, stream),
        async (file) => {
          const verification = new Verification(farmKey, crypto)
          const read = (offset: number, length: number) => file.read(offset, length)
          await scanStream(read, size, verification.verifier, verification.note)
          return verification
        },
      )
    try {
      const size = (await store.size(place, stream)) ?? 0
      const whole = await scan(size)
      const floor = oldest <= size ? Math.max(oldest, whole.provenOffset) : whole.provenOffset
      const next = Math.min(acked, size < acked ? Math.min(size, floor) : size)
      const known = next < oldest ? next : Math.max(next, whole.provenOffset)
      return new IncomingStream(options, known === size ? whole : await scan(known), { next, size })
    } catch (error) {
      await files.close(keyOf(options))
      throw storeErrorOf(error, `open the ${stream} of ${options.recording}`)
    }
  }

  get next(): number {
    return this.#next
  }

  get fileSize(): number {
    return this.#fileSize
  }

  get durable(): number {
    return this.#durable
  }

  get hasPending(): boolean {
    return this.#pending.length > 0
  }

  /** The bytes at `next`; they must not change any more. */
  push(bytes: Uint8Array): void {
    const at = this.#next
    this.#next += bytes.length
    const known = Math.min(bytes.length, Math.max(0, this.#proven - at))
    if (known > 0) this.#pending.push({ at, bytes: bytes.subarray(0, known) })
    if (known === bytes.length) return
    const fresh = bytes.subarray(known)
    this.#pending.push({ at: at + known, bytes: fresh })
    this.verification.push(fresh)
  }

  /** A GAP from `next` to `to`: its header and payload, then a hole. */
  gap(frame: Uint8Array, to: number): void {
    const at = this.#next
    this.#next = to
    this.#pending.push({ at, bytes: frame }, { at: at + frame.length, holeTo: to })
    if (at >= this.#proven) this.verification.gap(frame, to - at - frame.length)
  }

  /** One at a time. After an error the stream must be opened anew. */
  async flush(): Promise<Flushed> {
    const { store, files, place, stream, recording } = this.#options
    const pieces = this.#pending
    this.#pending = []
    const end = this.#next
    const open = async () => {
      const file = await store.open(place, stream)
      if (file.size >= this.#durable) return file
      await file.close()
      const text = `The ${stream} of ${recording} has ${file.size} bytes; ${this.#durable} were synced.`
      throw new StoreError('store-lost', text, 'The agent sends it again.')
    }
    try {
      return await files.use(this.#key, open, async (file) => {
        let receivedBytes = 0
        for (const run of runsOf(pieces, this.#proven)) {
          if (run.compare) await compare(file, run)
          else await file.write(run.chunks, run.at)
          for (const bytes of run.chunks) receivedBytes += bytes.length
          if (run.holeTo !== undefined)
            await makeHole(file, run.at, Math.max(run.at, this.#proven), run.holeTo)
          if (!run.compare) this.#publish(run)
        }
        const proof = await file.sync()
        this.#durable = end
        this.#fileSize = file.size
        return { proof, offset: end, receivedBytes }
      })
    } catch (error) {
      if (error instanceof WireError) throw error
      throw storeErrorOf(error, `write the ${stream} of ${recording}`)
    }
  }

  close(): Promise<void> {
    return this.#options.files.close(this.#key)
  }

  #publish(run: Run): void {
    let at = run.at
    for (const bytes of run.chunks) {
      this.#options.written(at, bytes)
      at += bytes.length
    }
  }
}

interface Run {
  at: number
  compare: boolean
  chunks: Uint8Array[]
  holeTo?: number
}

// Neighbours go to the disk in one call.
function runsOf(pieces: readonly Piece[], proven: number): Run[] {
  const runs: Run[] = []
  for (const piece of pieces) {
    const { at } = piece
    if ('holeTo' in piece) {
      runs.push({ at, compare: false, chunks: [], holeTo: piece.holeTo })
      continue
    }
    const compare = at < proven
    const last = runs.at(-1)
    if (last && last.compare === compare && last.holeTo === undefined) last.chunks.push(piece.bytes)
    else runs.push({ at, compare, chunks: [piece.bytes] })
  }
  return runs
}

interface HoleFile {
  readonly size: number
  write(pieces: readonly Uint8Array[], offset: number): Promise<void>
  extend(size: number): Promise<void>
  read(offset: number, length: number): Promise<Uint8Array>
}

const zeroBytes = 256 * 1024

// What a dead node left there and nobody was promised becomes zeros; the rest was never written.
async function makeHole(file: HoleFile, at: number, writableFrom: number, to: number): Promise<void> {
  const end = Math.min(to, file.size)
  for (let zero = Math.max(at, writableFrom); zero < end; zero += zeroBytes)
    await file.write([new Uint8Array(Math.min(zeroBytes, end - zero))], zero)
  await file.extend(to)
}

async function compare(file: HoleFile, run: Run): Promise<void> {
  let at = run.at
  for (const bytes of run.chunks) {
    if (!equalBytes(await file.read(at, bytes.length), bytes))
      throw new WireError(
        'fork',
        `The bytes sent from ${at} on are not those that this recording has under its seal.`,
        'Go on in a new recording.',
      )
    at += bytes.length
  }
}

function keyOf({ recording, stream }: IncomingOptions): string {
  return `${recording}/${stream}`
}
