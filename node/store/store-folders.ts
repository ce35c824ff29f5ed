import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { StoreError, storeErrorOf } from './store-error.ts'
import { identityFile, identityOf } from './store-identity.ts'

// Which folder is which store, now. Shares come and go under a running node: nothing is believed longer than one call.

interface Folder {
  path: string
  store?: string
  /** Of the identity file when it was read: the same one need not be read again. */
  seen?: string
}

export class StoreFolders {
  readonly #folders: Folder[]
  readonly #farm: string
  #turn = 0

  constructor(paths: readonly string[], farm: string) {
    this.#folders = paths.map((path) => ({ path: resolve(path) }))
    this.#farm = farm
  }

  get paths(): string[] {
    return this.#folders.map(({ path }) => path)
  }

  /** Checked against the identity file at every call, so that nothing is written under an empty mount point. */
  async pathOf(store: string): Promise<string> {
    const known = this.#folders.find((folder) => folder.store === store)
    if (known && (await this.look(known.path)) === store) return known.path
    let failure: unknown
    for (const folder of this.#folders)
      try {
        if ((await this.look(folder.path)) === store) return folder.path
      } catch (error) {
        failure = error
      }
    if (failure) throw failure
    throw new StoreError(
      'store-missing',
      `No folder is the store ${store}.`,
      'Add it to this node, or mount it.',
    )
  }

  /** Store id of a folder. Throws StoreError when it is none now. */
  async look(path: string): Promise<string> {
    const folder = this.#folders.find((one) => one.path === path)!
    try {
      const { ino, dev, mtimeMs, size } = await stat(join(path, identityFile))
      const seen = `${dev}/${ino}/${mtimeMs}/${size}`
      if (folder.store !== undefined && folder.seen === seen) return folder.store
      const identity = await identityOf(path)
      if (!identity) throw notAStore(path)
      if (identity.farm !== undefined && identity.farm !== this.#farm)
        throw new StoreError(
          'store-farm',
          `${path} belongs to the farm ${identity.farm}, this node to ${this.#farm}.`,
          'Give this node a folder of its own farm.',
        )
      folder.store = identity.store
      folder.seen = seen
      return identity.store
    } catch (error) {
      delete folder.seen
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw notAStore(path)
      throw storeErrorOf(error, `read the identity of ${path}`)
    }
  }

  /** All folders, from the one whose turn it is. Those that are no store now come last. */
  async inTurn(): Promise<{ path: string; store: string }[]> {
    const count = this.#folders.length
    const first = this.#turn++ % Math.max(1, count)
    const found: { path: string; store: string }[] = []
    let failure: unknown = new StoreError('store-missing', 'This node has no store.', 'Give it a folder.')
    for (let i = 0; i < count; i++) {
      const { path } = this.#folders[(first + i) % count]!
      try {
        found.push({ path, store: await this.look(path) })
      } catch (error) {
        failure = error
      }
    }
    if (found.length === 0) throw failure
    return found
  }
}

function notAStore(path: string): StoreError {
  return new StoreError(
    'store-missing',
    `${path} is not a store now: it has no ${identityFile}.`,
    'Mount it, or make it a store.',
  )
}
