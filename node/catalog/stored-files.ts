import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isRecordingId, recordingPath } from '../../format/recording-id.ts'
import { identityOf } from '../store/store-identity.ts'
import type { StorePlace } from '../store/store-place.ts'

const ending = '.cast.zst'

export interface StoredFile {
  recording: string
  place: StorePlace
}

/** Every recording whose timeline lies where it belongs in one of the store folders. Folders that are no store now are passed over. */
export async function* storedFiles(folders: readonly string[]): AsyncGenerator<StoredFile> {
  for (const folder of folders) {
    const identity = await identityOf(folder)
    if (!identity) continue
    for (const year of await names(folder, /^\d{4}$/))
      for (const month of await names(join(folder, year), /^\d\d$/))
        for (const day of await names(join(folder, year, month), /^\d\d$/))
          for (const name of await names(join(folder, year, month, day), /\.cast\.zst$/)) {
            const recording = name.slice(0, -ending.length)
            const path = `${year}/${month}/${day}/${recording}`
            if (isRecordingId(recording) && path === recordingPath(recording))
              yield { recording, place: { store: identity.store, path } }
          }
  }
}

/** True at the first one found. */
export async function hasStoredFiles(folders: readonly string[]): Promise<boolean> {
  for await (const _ of storedFiles(folders)) return true
  return false
}

async function names(folder: string, pattern: RegExp): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => pattern.test(name)).sort()
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return []
    throw error
  }
}
