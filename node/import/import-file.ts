import { rm } from 'node:fs/promises'
import { readFileRange } from '../../disk/read-file.ts'
import { readU32le } from '../../format/bytes.ts'
import { magic } from '../../format/skippable.ts'
import { readStored, rowOfStored } from '../catalog/read-stored.ts'
import { addRecording, findRecording } from '../catalog/recordings.ts'
import type { HttpContext } from '../http/context.ts'
import { HttpError } from '../http/http-error.ts'
import { encodeAsciicast } from './encode-asciicast.ts'

export type ImportContext = Pick<HttpContext, 'config' | 'db' | 'store' | 'farm' | 'crypto' | 'importer'>

/**
 * Takes a file into store and catalog; returns the recording's id. A recording of ours keeps its bytes and its id, whoever
 * signed it; an asciicast is encoded and signed by this node. Throws HttpError or FormatError.
 */
export async function importFile(
  context: ImportContext,
  path: string,
  from: { name: string; user: string },
): Promise<string> {
  const kind = await magicOf(path)
  if (kind === magic.zstd)
    throw new HttpError(
      422,
      'compressed',
      'This is compressed, but no recording of Tapedeck.',
      'Decompress it first.',
    )
  if (kind === magic.head) return await importRecording(context, path)
  const encoded = `${path}.encoded`
  try {
    await encodeAsciicast(context.importer, context.crypto, { from: path, to: encoded, ...from })
    return await importRecording(context, encoded)
  } finally {
    await rm(encoded, { force: true })
  }
}

async function importRecording(context: ImportContext, path: string): Promise<string> {
  const { db, store, config, farm, crypto } = context
  const read = await readStored(readFileRange(path), farm.signer.publicKey, crypto)
  const recording = read.report.recording
  if (recording === undefined || read.report.stream !== 'cast' || !read.facts)
    throw new HttpError(
      422,
      'no-recording',
      'The file does not begin as a timeline of Tapedeck.',
      'Import another.',
    )
  const exists = () =>
    new HttpError(409, 'exists', `The recording ${recording} is here already.`, 'Delete it first.')
  if (await findRecording(db, recording)) throw exists()
  const place = await store.place(recording)
  if ((await store.size(place, 'cast')) !== undefined) throw exists()
  const nowMs = Date.now()
  const row = rowOfStored(read, { recording, node: config.name, place, nowMs })!
  const file = await store.open(place, 'cast')
  try {
    if (file.size > 0) throw exists()
    for await (const piece of readFileRange(path)) await file.write([piece], file.size)
    await file.sync()
  } catch (error) {
    if (!(error instanceof HttpError)) await store.remove(place)
    throw error
  } finally {
    await file.close()
  }
  // Without an END it is a part of something that goes on elsewhere, if at all.
  const added = await addRecording(
    db,
    row.state === 'live' ? { ...row, state: 'dormant', lostMs: nowMs } : row,
  )
  if (!added) throw exists()
  return recording
}

async function magicOf(path: string): Promise<number | undefined> {
  for await (const bytes of readFileRange(path, 0, 4))
    return bytes.length === 4 ? readU32le(bytes, 0) : undefined
  throw new HttpError(422, 'empty', 'The file is empty.', 'Import another.')
}
