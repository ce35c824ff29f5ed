import { mkdtemp, readdir, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const tmpfsMagic = 0x01021994

/** A folder of its own on a disk, since a sync in memory costs nothing. Removed when `use` is done with it. */
export async function withDiskFolder<T>(use: (dir: string) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'tapedeck-bench-'))
  try {
    if ((await statfs(dir)).type === tmpfsMagic)
      throw new Error(`${tmpdir()} lies in memory; set TMPDIR to a folder on a disk.`)
    return await use(dir)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

/** Removes the files of a round, so that a disk need not hold all of them. The store's own mark stays. */
export async function emptyStore(dir: string): Promise<void> {
  // A node may just be writing an index there.
  for (const name of await readdir(dir))
    if (/^\d+$/.test(name)) await rm(join(dir, name), { recursive: true, force: true, maxRetries: 10 })
}
