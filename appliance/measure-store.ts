import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { DurableFile } from '../disk/durable-file.ts'
import { removeFile } from '../disk/folder.ts'

/** Long enough for a disk's own cache to fill; an operator waits for it. */
const measureMs = 5_000
/** As many streams at once as a busy node syncs. */
const streams = 16
const partBytes = 64 * 1024

/** MB a second that `folder` takes as a node writes: parts of many files, each synced before the next. */
export async function measureStore(folder: string): Promise<number> {
  const name = `.tapedeck-size-${randomBytes(6).toString('hex')}`
  const paths = Array.from({ length: streams }, (_, i) => join(folder, `${name}.${i}`))
  const part = randomBytes(partBytes)
  const startMs = performance.now()
  let written = 0
  const write = async (path: string) => {
    const file = await DurableFile.open(path)
    try {
      for (let at = 0; performance.now() - startMs < measureMs; at += partBytes) {
        await file.write([part], at)
        await file.sync()
        written += partBytes
      }
    } finally {
      await file.close()
    }
  }
  try {
    await Promise.all(paths.map(write))
    return written / 2 ** 20 / ((performance.now() - startMs) / 1000)
  } finally {
    for (const path of paths) await removeFile(path)
  }
}
