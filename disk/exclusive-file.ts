import { randomBytes } from 'node:crypto'
import { link, open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { syncFolder } from './folder.ts'

/** Creates a file, whole and durable, or returns false when there is one: of two writers one wins. */
export async function createFile(path: string, content: Uint8Array, mode = 0o600): Promise<boolean> {
  const temp = `${path}.${randomBytes(6).toString('hex')}.tmp`
  try {
    const file = await open(temp, 'wx', mode)
    try {
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
    await link(temp, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    await rm(temp, { force: true })
  }
  await syncFolder(dirname(path))
  return true
}
