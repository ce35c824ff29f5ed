import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { replaceFile } from '../../disk/atomic-replace.ts'
import { makeFolder } from '../../disk/folder.ts'
import { Store } from './store.ts'
import { StoreError } from './store-error.ts'

/** The file that makes a folder a store, and says which. */
export const identityFile = '.tapedeck-store.json'

/** The store's id in a folder; `undefined` when the file is not there or says none. */
export async function identityOf(
  folder: string,
  read = (path: string) => readFile(path, 'utf8'),
): Promise<string | undefined> {
  try {
    const { store } = JSON.parse(await read(join(folder, identityFile))) as { store?: unknown }
    return typeof store === 'string' ? store : undefined
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === undefined || code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
}

/** Makes a folder a store, once. Returns its id. */
export async function createStore(folder: string): Promise<string> {
  await makeFolder(folder)
  const found = await identityOf(folder)
  if (found !== undefined) return found
  const store = randomUUID()
  await replaceFile(
    join(folder, identityFile),
    `${JSON.stringify({ store, made: new Date().toISOString() })}\n`,
  )
  return store
}

/** Folders that are stores already. Throws StoreError for one that is not there now and has no `store` id given. */
export async function openStore(folders: { folder: string; store?: string }[]): Promise<Store> {
  const known = new Map<string, string>()
  for (const { folder, store } of folders) {
    const id = store ?? (await identityOf(folder))
    if (id === undefined)
      throw new StoreError(
        'store-missing',
        `${folder} is not a store: it has no ${identityFile}.`,
        'Mount it, or make it a store.',
      )
    known.set(id, resolve(folder))
  }
  return new Store(known)
}
