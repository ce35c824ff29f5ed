import type { FrameTable } from '../../format/frame-entry.ts'
import type { StreamName } from '../../format/records.ts'
import type { RecordingRow } from '../catalog/schema.ts'
import type { HttpContext } from './context.ts'

/**
 * A stream's frames from a recording's index, which need no pass over gigabytes; `undefined` unless the index was finished with
 * the very file that is there. What it calls sealed was checked when it was made; `verify` always reads the file itself.
 */
export async function indexedFrames(
  { indexer, store }: Pick<HttpContext, 'indexer' | 'store'>,
  row: RecordingRow,
  stream: StreamName,
): Promise<FrameTable | undefined> {
  const size = await store.size(row, stream)
  const table = await indexer.table(row)
  if (size === undefined || table?.sizes[stream] !== size) return undefined
  return { size, frames: table.frames.filter((frame) => frame.stream === stream) }
}
