import { rm } from 'node:fs/promises'
import { readFileRange } from '../../disk/read-file.ts'
import { readU32le } from '../../format/bytes.ts'
import type { StreamName } from '../../format/records.ts'
import { magic } from '../../format/skippable.ts'
import { type ReadStored, readStored, rowOfStored } from '../catalog/read-stored.ts'
import { addRecording, changeRecording, findRecording } from '../catalog/recordings.ts'
import type { HttpContext } from '../http/context.ts'
import { HttpError } from '../http/http-error.ts'
import type { StorePlace } from '../store/store-place.ts'
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
  const { store, farm, crypto } = context
  const read = await readStored(readFileRange(path), farm.signer.publicKey, crypto)
  const { recording, stream } = read.report
  if (recording === undefined || stream === undefined || !read.facts)
    throw new HttpError(
      422,
      'no-recording',
      'The file does not begin as a recording of Tapedeck.',
      'Import another.',
    )
  const place = await store.place(recording)
  if ((await store.size(place, stream)) !== undefined) throw exists(recording)
  if (stream === 'cast') await importTimeline(context, { path, recording, place, read })
  else await importScreen(context, { path, recording, read })
  return recording
}

interface Importing {
  path: string
  recording: string
  read: ReadStored
}

async function importTimeline(
  context: ImportContext,
  { path, recording, place, read }: Importing & { place: StorePlace },
): Promise<void> {
  const { db, store, config } = context
  if (await findRecording(db, recording)) throw exists(recording)
  const nowMs = Date.now()
  const row = rowOfStored(read, undefined, { recording, node: config.name, place, nowMs })!
  await takeFile(context, { path, recording, place }, 'cast', () => store.remove(place))
  // Without an END, or a desktop's without its screen, it is a part of something that goes on elsewhere, if at all.
  const added = await addRecording(
    db,
    row.state === 'live' ? { ...row, state: 'dormant', lostMs: nowMs } : row,
  )
  if (!added) throw exists(recording)
}

// It joins the timeline that is here, by the same agent.
async function importScreen(context: ImportContext, { path, recording, read }: Importing): Promise<void> {
  const { db, store, config, farm, crypto } = context
  const before = await findRecording(db, recording)
  if (before?.type !== 'desktop' || before.agent !== (read.report.signedBy?.agent ?? ''))
    throw new HttpError(
      409,
      'timeline',
      `The screen belongs to the recording ${recording}, whose timeline of the same agent is not here.`,
      'Import its .cast.zst first.',
    )
  await takeFile(context, { path, recording, place: before }, 'rfb')
  const size = Number.MAX_SAFE_INTEGER
  const timeline = await readStored(store.readRange(before, 'cast', 0, size), farm.signer.publicKey, crypto)
  const row = rowOfStored(timeline, read.report, {
    recording,
    node: config.name,
    place: before,
    nowMs: before.openedMs,
  })!
  const { screenBytes, screenSealedBytes, screenGaps, screenEnd = null, endUs, proof, problem = null } = row
  const { state, endMs = null } = row
  await changeRecording(db, recording, {
    ...{ screenBytes, screenSealedBytes, screenGaps, screenEnd, endUs, proof, problem },
    ...(state === 'complete' && { state, endMs, lostMs: null }),
  })
}

async function takeFile(
  { store }: ImportContext,
  { path, recording, place }: { path: string; recording: string; place: StorePlace },
  stream: StreamName,
  undo: () => Promise<void> = async () => undefined,
): Promise<void> {
  const file = await store.open(place, stream)
  try {
    if (file.size > 0) throw exists(recording)
    for await (const piece of readFileRange(path)) await file.write([piece], file.size)
    await file.sync()
  } catch (error) {
    if (!(error instanceof HttpError)) await undo()
    throw error
  } finally {
    await file.close()
  }
}

function exists(recording: string): HttpError {
  return new HttpError(409, 'exists', `The recording ${recording} is here already.`, 'Delete it first.')
}

async function magicOf(path: string): Promise<number | undefined> {
  for await (const bytes of readFileRange(path, 0, 4))
    return bytes.length === 4 ? readU32le(bytes, 0) : undefined
  throw new HttpError(422, 'empty', 'The file is empty.', 'Import another.')
}
