import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { syncFolder } from './folder.ts'

/**
 * Replaces a file so that a crash at any moment leaves the old content or the new, whole (temp beside, sync, rename, sync
 * of the folder). Two writers of one path must take turns.
 */
export async function replaceFile(path: string, content: string | Uint8Array, mode = 0o600): Promise<void> {
  const temp = `${path}.tmp`
  try {
    const file = await open(temp, 'w', mode)
    try {
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temp, path)
  } catch (error) {
    await rm(temp, { force: true })
    throw error
  }
  await syncFolder(dirname(path))
}
