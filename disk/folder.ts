import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Makes names that were created, renamed or removed in a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** Makes a folder and its missing parents durably. Existing ones keep their mode. */
export async function makeFolder(path: string, mode = 0o700): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode })
  if (first === undefined) return
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made))
}

/** Removes a file durably. An absent one is removed already. */
export async function removeFile(path: string): Promise<void> {
  await rm(path, { force: true })
  await syncFolder(dirname(path))
}

/** Removes a folder and what is in it, durably. */
export async function removeFolder(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true })
  try {
    await syncFolder(dirname(path))
  } catch (error) {
    // The folder around it is gone too.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

/** Puts a file aside under another name in the same folder, durably. */
export async function renameFile(path: string, to: string): Promise<void> {
  await rename(path, to)
  await syncFolder(dirname(to))
}
