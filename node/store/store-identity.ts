import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { replaceFile } from '../../disk/atomic-replace.ts'
import { makeFolder } from '../../disk/folder.ts'

/** The file that makes a folder a store, and says which. Where it is missing, a share is not mounted. */
export const identityFile = '.tapedeck-store.json'

export interface StoreIdentity {
  store: string
  farm?: string
}

/** What a folder says it is; `undefined` when the file is not there or says nothing. */
export async function identityOf(folder: string): Promise<StoreIdentity | undefined> {
  let text: string
  try {
    text = await readFile(join(folder, identityFile), 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
  try {
    const { store, farm } = JSON.parse(text) as Record<string, unknown>
    if (typeof store !== 'string') return undefined
    return typeof farm === 'string' ? { store, farm } : { store }
  } catch {
    return undefined
  }
}

/**
 * Makes a folder a store, once, and returns its id. Only for an operator's word or a new home: called for an unmounted
 * share it would make a store of the empty mount point.
 */
export async function createStore(folder: string, farm?: string): Promise<string> {
  await makeFolder(folder)
  const found = await identityOf(folder)
  if (found) return found.store
  const store = randomUUID()
  const identity = { store, ...(farm !== undefined && { farm }), made: new Date().toISOString() }
  await replaceFile(join(folder, identityFile), `${JSON.stringify(identity)}\n`)
  return store
}
