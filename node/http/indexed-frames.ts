import { FormatError } from '../../format/format-error.ts'
import type { FrameTable } from '../../format/frame-entry.ts'
import { FrameScanner } from '../../format/frame-scanner.ts'
import { coveredBytes } from '../../format/index-records.ts'
import { parseRecord, type StreamName } from '../../format/records.ts'
import type { RecordingRow } from '../catalog/schema.ts'
import { FrameTableBuilder } from '../store/frame-table.ts'
import type { Store } from '../store/store.ts'
import type { HttpContext } from './context.ts'

/** Behind what is indexed: one BODY, and the records around it. More has other frames in it. */
const tailBytesMax = 65 * 1024 * 1024

/**
 * A stream's frames from a recording's index, which need no pass over gigabytes; `undefined` where the index is short of more
 * than the frame that is being written. What it calls sealed was checked when it was made; `verify` always reads the file
 * itself.
 */
export async function indexedFrames(
  { indexer, store }: Pick<HttpContext, 'indexer' | 'store'>,
  row: RecordingRow,
  stream: StreamName,
): Promise<FrameTable | undefined> {
  const size = await store.size(row, stream)
  const table = await indexer.table(row)
  if (size === undefined || !table) return undefined
  const frames = table.frames.filter((frame) => frame.stream === stream)
  if (table.sizes[stream] === size) return { size, frames }
  // Without a table of what was finished it grows; a file that is shorter is another one.
  const covered = coveredBytes(table, stream)
  if (table.sizes[stream] !== undefined || covered === 0 || covered > size) return undefined
  const tail = await openFrame(store, row, stream, covered, size)
  return tail && { size, frames: [...frames, ...tail.frames] }
}

/** `undefined` where anything but one frame that is being written stands there: its seal would have to be checked. */
async function openFrame(
  store: Store,
  row: RecordingRow,
  stream: StreamName,
  from: number,
  size: number,
): Promise<FrameTable | undefined> {
  if (size - from > tailBytesMax) return undefined
  const builder = new FrameTableBuilder()
  const scanner = new FrameScanner(from)
  try {
    for await (const bytes of store.readRange(row, stream, from, size)) {
      scanner.push(bytes)
      for (let part = scanner.next(); part; part = scanner.next()) {
        if (part.kind === 'head') {
          const head = parseRecord('head', part.payload, part.offset)
          builder.add({ kind: 'head', head, offset: part.offset, size: part.size })
        } else if (part.kind !== 'body') return undefined
      }
    }
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    return undefined
  }
  return builder.table(size)
}
