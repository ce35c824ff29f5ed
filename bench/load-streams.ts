import { randomBytes } from 'node:crypto'
import { openCrypto } from '../codec/crypto.ts'
import { openZstdBody } from '../codec/zstd.ts'
import { concatBytes } from '../format/bytes.ts'
import { makeRecordingId } from '../format/recording-id.ts'
import type { Facts } from '../format/records.ts'
import { StreamWriter } from '../format/stream-writer.ts'
import { encodeHeader, encodeOutput } from '../format/timeline.ts'
import type { LoadIdentity } from './load-agent.ts'
import { logText } from './log-text.ts'

// Streams as agents write them, true in every digest and signature. The compressed content is the same in all of them.

const crypto = openCrypto()
const header = { version: 2, width: 80, height: 24 } as const

export interface LoadStream {
  recording: string
  facts: Facts
  bytes: Uint8Array
}

/** `parts` = the flushes of a BODY that is closed by the last one. */
export interface Body {
  parts: Uint8Array[]
  rawBytes: number
}

/** A megabyte of a log, at once: a frame of a terminal that is flooded. */
export function floodBody(): Promise<Body> {
  const log = logText(1024 * 1024)
  const events = Array.from({ length: 16 }, (_, i) =>
    encodeOutput(i * 1000, log.subarray(i * 65_536, (i + 1) * 65_536)),
  )
  return compress([concatBytes(events)])
}

/** A frame of `flushes` flushes of some 200 bytes each: a terminal that is used. */
export function slowBody(flushes: number): Promise<Body> {
  const log = logText(flushes * 300)
  return compress(
    Array.from({ length: flushes }, (_, i) => encodeOutput(i * 1e6, log.subarray(i * 300, (i + 1) * 300))),
  )
}

/** A frame of a terminal that printed this, `pieceBytes` at a time. */
export function terminalBody(output: Buffer, pieceBytes: number): Promise<Body> {
  const events = Array.from({ length: Math.ceil(output.length / pieceBytes) }, (_, i) =>
    encodeOutput(i * 10_000, output.subarray(i * pieceBytes, (i + 1) * pieceBytes)),
  )
  return compress([concatBytes(events)])
}

async function compress(pieces: Uint8Array[]): Promise<Body> {
  const raw = [concatBytes([encodeHeader(header), pieces[0]!]), ...pieces.slice(1)]
  const body = openZstdBody()
  const parts: Uint8Array[] = []
  for (const [i, piece] of raw.entries()) {
    await body.write(piece)
    parts.push(i < raw.length - 1 ? await body.flush() : await body.end())
  }
  return { parts, rawBytes: raw.reduce((sum, piece) => sum + piece.length, 0) }
}

/** A stream of frames with this BODY until it has `bytesMin`; `ends` = offsets behind HEAD 0 and behind each flush. */
export function makeLoadStream(
  identity: LoadIdentity,
  facts: Facts,
  body: Body,
  bytesMin: number,
  { ended = false } = {},
): LoadStream & { ends: number[] } {
  const recording = makeRecordingId(Date.now(), randomBytes(10))
  const { signer, certificate } = identity
  const writer = new StreamWriter({
    recording,
    stream: 'cast',
    signer,
    sha256: crypto.sha256,
    certificate,
    facts,
  })
  const pieces: Uint8Array[] = []
  const ends: number[] = []
  do {
    pieces.push(writer.head({ startUs: 0, wallMs: facts.startedMs }))
    ends.push(writer.offset)
    for (const part of body.parts) {
      writer.body(part)
      pieces.push(part)
      ends.push(writer.offset)
    }
    pieces.push(writer.seal({ endUs: 0, rawBytes: body.rawBytes }))
  } while (writer.offset < bytesMin)
  if (ended) pieces.push(...writer.end({ endUs: 0, reason: 'exit', exit: 0 }))
  return { recording, facts, bytes: concatBytes(pieces), ends }
}
