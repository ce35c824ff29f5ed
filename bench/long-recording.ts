import { createHash } from 'node:crypto'
import { openCrypto } from '../codec/crypto.ts'
import { openZstdBody, type ZstdBody } from '../codec/zstd.ts'
import { DurableFile } from '../disk/durable-file.ts'
import { makeRecordingId } from '../format/recording-id.ts'
import type { Facts } from '../format/records.ts'
import { StreamWriter } from '../format/stream-writer.ts'
import { encodeEvent, encodeHeader } from '../format/timeline.ts'
import type { Identities } from '../test/helpers/sample-stream.ts'
import { terminalEvents } from './terminal-output.ts'

/** As the agent ends them. */
const frameRawBytesMax = 1024 * 1024
const startMs = Date.parse('2026-03-02T08:00:00Z')

export interface LongRecording {
  id: string
  /** Bytes of the terminal's output. */
  outputBytes: number
  storedBytes: number
  endUs: number
}

/** Writes a finished recording of a terminal to `path`: sealed and signed as an agent's, the same for the same seed. */
export async function writeLongRecording(
  path: string,
  identities: Identities,
  options: { seed: number; bytes: number; lengthUs: number; facts: Facts },
): Promise<LongRecording> {
  const id = makeRecordingId(
    startMs,
    createHash('sha256').update(String(options.seed)).digest().subarray(0, 10),
  )
  const { columns, rows } = { columns: 120, rows: 32 }
  const writer = new StreamWriter({
    recording: id,
    stream: 'cast',
    signer: identities.agent,
    sha256: openCrypto().sha256,
    certificate: identities.certificate,
    facts: { ...options.facts, columns, rows, startedMs: startMs },
  })
  const file = await DurableFile.open(path)
  const put = (parts: Uint8Array[]) => file.write(parts, file.size)
  let body: ZstdBody | undefined
  let rawBytes = 0
  let endUs = 0
  let outputBytes = 0
  const write = async (raw: Uint8Array) => {
    await body!.write(raw)
    rawBytes += raw.length
  }
  const seal = async () => {
    const compressed = await body!.end()
    body = undefined
    writer.body(compressed)
    await put([compressed, writer.seal({ endUs, rawBytes })])
    rawBytes = 0
  }
  for (const { timeUs, code, data } of terminalEvents(options)) {
    if (!body) {
      await put([writer.head({ startUs: timeUs, wallMs: startMs + timeUs / 1000 })])
      body = openZstdBody()
      if (endUs === 0) await write(encodeHeader({ version: 2, width: columns, height: rows }))
    }
    endUs = timeUs
    await write(encodeEvent(timeUs, code, data))
    outputBytes += Buffer.byteLength(data)
    if (rawBytes >= frameRawBytesMax) await seal()
  }
  if (body) await seal()
  await put(writer.end({ endUs, reason: 'exit', exit: 0 }))
  await file.close()
  return { id, outputBytes, storedBytes: file.size, endUs }
}
