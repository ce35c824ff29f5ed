import { isRecordingId } from '../../format/recording-id.ts'
import type { StreamName } from '../../format/records.ts'
import { findRecording } from '../catalog/recordings.ts'
import type { RecordingRow } from '../catalog/schema.ts'
import { type Decision, mayPlay, type Seen } from '../policy/decisions.ts'
import type { Viewer } from '../policy/roles.ts'
import type { HttpContext } from './context.ts'
import { ensure, HttpError, notFound } from './http-error.ts'

/** The recording if the viewer may see it. Throws 400 (no id), 403 `role-missing`, 404. */
export async function foundRecording(
  { db }: Pick<HttpContext, 'db'>,
  id: string,
  viewer: Viewer,
  may: (viewer: Viewer, recording: Seen) => Decision = mayPlay,
): Promise<RecordingRow> {
  if (!isRecordingId(id))
    throw new HttpError(400, 'id', 'This is no id of a recording (UUIDv7).', 'Take it from the list.')
  const row = await findRecording(db, id)
  // Who may see nothing at all learns that before learning what exists.
  ensure(may(viewer, row ?? { userName: '', host: '', application: '' }))
  if (!row) throw notFound(`recording ${id}`)
  return row
}

/** The stream that a viewer looks at. */
export function seenStream({ type }: RecordingRow): StreamName {
  return type === 'desktop' ? 'rfb' : 'cast'
}

/** Bytes that can be read of a stream now. Throws StoreError, or 404 `file-missing`. */
export async function readableBytes(
  { live, store }: Pick<HttpContext, 'live' | 'store'>,
  row: RecordingRow,
  stream: StreamName = 'cast',
): Promise<number> {
  const size = await streamBytes({ live, store }, row, stream)
  if (size !== undefined) return size
  // Only in the restore folder, whose sizes are known by reading.
  return (await store.frames(row, stream)).size
}

/** As `readableBytes`, without reading; `undefined` where there is none in a store folder. Rejects with StoreError. */
export async function streamBytes(
  { live, store }: Pick<HttpContext, 'live' | 'store'>,
  row: RecordingRow,
  stream: StreamName,
): Promise<number | undefined> {
  return live.current(row.id, stream)?.sizeBytes ?? (await store.size(row, stream))
}
