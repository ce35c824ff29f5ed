import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { SourcePosition } from '../../format/records.ts'

const run = promisify(execFile)

/** A process costs 4 to 7 ms, so it is started for this much and more. */
export const punchBytesMin = 1024 * 1024

/** Gives the memory of consumed logs back to the system: below `to`, which lies durably in the queue. */
export async function punchLogs(dir: string, to: SourcePosition): Promise<void> {
  for (const [name, length] of [
    ['out', to.out],
    ['timing', to.timing],
  ] as const) {
    // Whole pages only; what is left of the last one is punched next time.
    const pages = Math.floor(length / 4096) * 4096
    if (pages > 0)
      await run('fallocate', ['--punch-hole', '--offset', '0', '--length', String(pages), join(dir, name)])
  }
}
