import { createReadStream, createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { readRecording } from '../codec/read-recording.ts'
import { AsciicastWriter } from '../format/asciicast-writer.ts'
import { isRecordingId } from '../format/recording-id.ts'
import type { Client } from './client.ts'

export interface ExportOptions {
  out?: string
  exact?: boolean
}

/** Writes a recording as asciicast v2, to a file or the standard output. Bytes that are no UTF-8 are U+FFFD unless `exact`. */
export async function exportRecording(
  target: string,
  client: () => Promise<Client>,
  options: ExportOptions,
): Promise<void> {
  const source = isRecordingId(target)
    ? await (await client()).download(`/api/recordings/${target}/export?exact=${options.exact ? 1 : 0}`)
    : Readable.from(asciicastOf(target, options.exact ?? false))
  if (!options.out) {
    await pipeline(source, process.stdout, { end: false })
    return
  }
  try {
    await pipeline(source, createWriteStream(options.out, { mode: 0o600 }))
  } catch (error) {
    await rm(options.out, { force: true })
    throw error
  }
}

async function* asciicastOf(path: string, exact: boolean): AsyncGenerator<Uint8Array> {
  const writer = new AsciicastWriter({ version: 2, exact })
  for await (const item of readRecording(createReadStream(path) as AsyncIterable<Buffer>)) {
    if (item.kind === 'header') yield writer.header(item.header)
    if (item.kind === 'events') for (const event of item.events) yield writer.event(event)
  }
}
