import { stat } from 'node:fs/promises'
import type { FrameTable } from '../../format/frame-entry.ts'

/** Files that are looked at by turns while they have no index. */
const keptMax = 64

interface Kept {
  size: number
  mtimeMs: number
  table: Promise<FrameTable>
}

/** Frame tables of files that have not changed since they were scanned. */
export class KeptFrames {
  readonly #kept = new Map<string, Kept>()

  /** `scan` reads the file's first `size` bytes. Rejects as it does, or with the system's error. */
  async frames(path: string, size: number, scan: () => Promise<FrameTable>): Promise<FrameTable> {
    const { mtimeMs } = await stat(path)
    const known = this.#kept.get(path)
    this.#kept.delete(path)
    const isSame = known?.size === size && known.mtimeMs === mtimeMs
    const kept = known && isSame ? known : { size, mtimeMs, table: scan() }
    this.#kept.set(path, kept)
    if (this.#kept.size > keptMax) this.#kept.delete(this.#kept.keys().next().value!)
    kept.table.catch(() => this.#kept.delete(path))
    return kept.table
  }
}
