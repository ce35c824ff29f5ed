import { mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'

// A disk that can lose its power. Every sync of this process is watched; what was not synced is, after a cut, lost, zeros,
// or there in part, as chance has it, and so are names that were made, changed or removed since their folder was synced.

/** A file, however it is called: numbers of inodes are used again. */
type FileId = string

export class PowerDisk {
  readonly root: string
  /** Content as of the last sync. */
  readonly #files = new Map<FileId, Buffer>()
  /** Names as of the last sync of their folder. */
  readonly #folders = new Map<string, Map<string, FileId>>()

  private constructor(root: string) {
    this.root = root
  }

  /** Everything below `root` is taken as durable now. */
  static async watch(root: string): Promise<PowerDisk> {
    const disk = new PowerDisk(root)
    disk.#takeAll(root)
    await watchSyncs((path) => disk.#synced(path))
    return disk
  }

  /** Writes into `to` what is left when the power goes now. `chance` gives numbers from 0 to 1. */
  cut(to: string, chance: () => number): void {
    this.#cutFolder(this.root, to, chance)
  }

  #takeAll(folder: string): void {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) this.#takeAll(path)
      else if (entry.isFile()) this.#files.set(idOf(path), readFileSync(path))
    }
    this.#folders.set(folder, namesIn(folder))
  }

  #synced(path: string): void {
    if (path !== this.root && !path.startsWith(`${this.root}/`)) return
    try {
      if (statSync(path).isDirectory()) this.#folders.set(path, namesIn(path))
      else this.#files.set(idOf(path), readFileSync(path))
    } catch {
      // Removed while it was synced.
    }
  }

  #cutFolder(from: string, to: string, chance: () => number): void {
    mkdirSync(to, { recursive: true, mode: 0o700 })
    const durable = this.#folders.get(from) ?? new Map<string, FileId>()
    let now = new Map<string, FileId>()
    try {
      now = namesIn(from)
    } catch {
      // The folder itself was removed, and its parent not synced.
    }
    for (const name of new Set([...durable.keys(), ...now.keys()])) {
      const [before, after] = [durable.get(name), now.get(name)]
      const id = before === after || chance() < 0.5 ? before : after
      if (id === undefined) continue
      const path = join(from, name)
      if (this.#folders.has(path) || (id === after && isFolder(path)))
        this.#cutFolder(path, join(to, name), chance)
      else
        writeFileSync(join(to, name), this.#contentAfterCut(id, id === after ? path : undefined, chance), {
          mode: 0o600,
        })
    }
  }

  #contentAfterCut(id: FileId, path: string | undefined, chance: () => number): Buffer {
    const durable = this.#files.get(id) ?? Buffer.alloc(0)
    const now = path === undefined ? durable : readFileSync(path)
    const how = chance()
    if (now.equals(durable) || how < 0.3) return durable
    if (how < 0.5) return now
    // What was written over, or cut, is old or new; what was added is lost, zeros, or there in part.
    const common = now.length < durable.length || !now.subarray(0, durable.length).equals(durable)
    if (common) return chance() < 0.5 ? durable : now
    const kept = durable.length + Math.floor(chance() * (now.length - durable.length + 1))
    const zeros = how < 0.75 ? Math.floor(chance() * (now.length - kept + 1)) : 0
    return Buffer.concat([now.subarray(0, kept), Buffer.alloc(zeros)])
  }
}

function idOf(path: string): FileId {
  const { ino, birthtimeNs } = statSync(path, { bigint: true })
  return `${ino}:${birthtimeNs}`
}

function namesIn(folder: string): Map<string, FileId> {
  return new Map(
    readdirSync(folder).flatMap((name) => {
      try {
        return [[name, idOf(join(folder, name))] as const]
      } catch {
        return []
      }
    }),
  )
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}

let watchers: Set<(path: string) => void> | undefined

// What a file has when its sync begins is durable once it has returned.
async function watchSyncs(synced: (path: string) => void): Promise<void> {
  if (watchers) {
    watchers.add(synced)
    return
  }
  watchers = new Set([synced])
  const all = watchers
  const handle = await open('/dev/null')
  const prototype = Object.getPrototypeOf(handle) as FileHandle
  await handle.close()
  for (const name of ['sync', 'datasync'] as const) {
    const original = prototype[name]
    prototype[name] = async function (this: FileHandle) {
      const path = readlinkSync(`/proc/self/fd/${this.fd}`)
      for (const tell of all) tell(path)
      await original.call(this)
    }
  }
}
