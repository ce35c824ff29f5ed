import { randomBytes } from 'node:crypto'
import { openZstdBody, type ZstdBody } from '../../codec/zstd.ts'
import { DurableFile } from '../../disk/durable-file.ts'
import { readFileRange } from '../../disk/read-file.ts'
import { AsciicastReader } from '../../format/asciicast-reader.ts'
import { FormatError } from '../../format/format-error.ts'
import type { Crypto } from '../../format/ports.ts'
import { makeRecordingId } from '../../format/recording-id.ts'
import type { Facts } from '../../format/records.ts'
import { StreamWriter } from '../../format/stream-writer.ts'
import {
  clampCells,
  encodeEvent,
  encodeHeader,
  type TimelineEvent,
  type TimelineHeader,
} from '../../format/timeline.ts'
import type { ImporterIdentity } from '../importer-identity.ts'

// An asciicast of another program as a recording: frames of 1 MiB as the agent's, signed by the importer.

const frameRawBytesMax = 1024 * 1024
/** The year 2200: a timestamp beyond it is in other units. */
const timestampSecondsMax = 7_258_118_400

export async function encodeAsciicast(
  importer: ImporterIdentity,
  crypto: Crypto,
  file: { from: string; to: string; name: string; user: string },
): Promise<void> {
  const reader = new AsciicastReader()
  const out = await DurableFile.open(file.to)
  let encoder: Encoder | undefined
  const take = async (events: TimelineEvent[]) => {
    if (!encoder && reader.header) encoder = new Encoder(importer, crypto, out, reader.header, file)
    for (const event of events) await encoder!.event(event)
  }
  try {
    for await (const bytes of readFileRange(file.from, 0, Number.POSITIVE_INFINITY, 64 * 1024))
      await take(reader.push(bytes))
    await take(reader.finish())
    if (!encoder) throw new FormatError('cast-header', 'The file has no asciicast header.')
    await encoder.end()
  } finally {
    encoder?.close()
    await out.close()
  }
}

class Encoder {
  readonly #writer: StreamWriter
  readonly #out: DurableFile
  readonly #startMs: number
  #body: ZstdBody | undefined
  #rawBytes = 0
  #timeUs = 0
  #header: Uint8Array | undefined
  #exit: number | undefined

  constructor(
    importer: ImporterIdentity,
    crypto: Crypto,
    out: DurableFile,
    header: TimelineHeader,
    from: { name: string; user: string },
  ) {
    this.#startMs = startMsOf(header)
    const recording = makeRecordingId(this.#startMs, randomBytes(10))
    this.#out = out
    this.#header = encodeHeader(header)
    this.#writer = new StreamWriter({
      recording,
      stream: 'cast',
      signer: importer.signer,
      sha256: crypto.sha256,
      certificate: importer.certificate,
      facts: factsOf(header, recording, this.#startMs, from),
    })
  }

  async event(event: TimelineEvent): Promise<void> {
    const body = await this.#frame()
    this.#timeUs = event.timeUs
    // asciicast v3 tells how the command ended as an event.
    if (event.code === 'x' && /^\d{1,9}$/.test(event.data)) this.#exit = Number(event.data)
    await this.#write(body, encodeEvent(event.timeUs, event.code, event.data))
    if (this.#rawBytes >= frameRawBytesMax) await this.#seal()
  }

  async end(): Promise<void> {
    if (this.#header) await this.#frame()
    await this.#seal()
    const exit = this.#exit
    await this.#put(
      this.#writer.end({ endUs: this.#timeUs, reason: 'exit', ...(exit !== undefined && { exit }) }),
    )
  }

  close(): void {
    this.#body?.close()
  }

  async #frame(): Promise<ZstdBody> {
    if (this.#body) return this.#body
    const wallMs = this.#startMs + this.#timeUs / 1000
    await this.#put([this.#writer.head({ startUs: this.#timeUs, wallMs })])
    this.#body = openZstdBody()
    if (this.#header) await this.#write(this.#body, this.#header)
    this.#header = undefined
    return this.#body
  }

  async #write(body: ZstdBody, raw: Uint8Array): Promise<void> {
    await body.write(raw)
    this.#rawBytes += raw.length
  }

  async #seal(): Promise<void> {
    if (!this.#body) return
    const compressed = await this.#body.end()
    this.#body = undefined
    this.#writer.body(compressed)
    await this.#put([compressed, this.#writer.seal({ endUs: this.#timeUs, rawBytes: this.#rawBytes })])
    this.#rawBytes = 0
  }

  async #put(parts: Uint8Array[]): Promise<void> {
    await this.#out.write(parts, this.#out.size)
  }
}

function startMsOf({ timestamp }: TimelineHeader): number {
  const known = typeof timestamp === 'number' && timestamp >= 0 && timestamp < timestampSecondsMax
  return known ? Math.floor(timestamp * 1000) : Date.now()
}

function factsOf(
  header: TimelineHeader,
  recording: string,
  startedMs: number,
  { name, user }: { name: string; user: string },
): Facts {
  // Facts fit into 2 KiB whatever the header has.
  const short = (value: unknown) => (typeof value === 'string' ? value.slice(0, 200).toWellFormed() : '')
  const command = short(header.command) || short(header.title) || short(name)
  return {
    session: recording,
    sequence: 0,
    user: user.slice(0, 64),
    uid: 0,
    groups: [],
    host: 'imported',
    application: short(command.split(/\s/)[0]?.split('/').at(-1)).slice(0, 64) || 'asciicast',
    command,
    client: { name: short(name).slice(0, 64), address: '' },
    type: 'terminal',
    startedMs,
    term: short(header.env?.TERM).slice(0, 64),
    columns: clampCells(header.width),
    rows: clampCells(header.height),
    notified: false,
  }
}
