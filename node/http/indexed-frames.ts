import type { RecordingRow } from '../catalog/schema.ts'
import type { FrameTable } from '../store/frame-table.ts'
import type { HttpContext } from './context.ts'

/**
 * A recording's frames from its index, which need no pass over gigabytes; `undefined` unless the index was finished with
 * the very file that is there. What it calls sealed was checked when it was made; `verify` always reads the file itself.
 */
export async function indexedFrames(
  { indexer, store }: Pick<HttpContext, 'indexer' | 'store'>,
  row: RecordingRow,
): Promise<FrameTable | undefined> {
  const size = await store.size(row, 'cast')
  const table = await indexer.table(row)
  if (size === undefined || table?.sizes.cast !== size) return undefined
  return { size, frames: table.frames.filter(({ stream }) => stream === 'cast') }
}
