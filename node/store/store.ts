import { access, constants, mkdir, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { DurableFile } from '../../disk/durable-file.ts'
import { createFile } from '../../disk/exclusive-file.ts'
import { makeFolder, removeFile, syncFolder } from '../../disk/folder.ts'
import { freshFile } from '../../disk/fresh-file.ts'
import { readFileRange } from '../../disk/read-file.ts'
import type { FrameTable } from '../../format/frame-entry.ts'
import type { Crypto } from '../../format/ports.ts'
import { isRecordingId, recordingPath } from '../../format/recording-id.ts'
import type { StreamName } from '../../format/records.ts'
import { StreamVerifier } from '../../format/stream-verifier.ts'
import { FolderChecks, type StoreFolderStatus } from './folder-checks.ts'
import { FrameTableBuilder } from './frame-table.ts'
import { KeptFrames } from './kept-frames.ts'
import { scanStream } from './scan-stream.ts'
import { StoreError, storeErrorOf } from './store-error.ts'
import { StoreFolders } from './store-folders.ts'
import type { StorePlace } from './store-place.ts'

// FOLDER/YYYY/MM/DD/<id>.cast.zst, <id>.rfb.zst   written by ingest alone, at offsets, never cut or renamed (I3)
//                   <id>.farm                     what the farm says about it: created exclusively, removed on withdrawal
//                   <id>.idx                      derived, may be deleted

export interface StoreOptions {
  /** Folders made by `createStore`, used in turn. One that is not there yet is waited for. */
  folders: string[]
  /** Searched, for reading, when a file is not where its place says. */
  restore?: string
  /** Farm id; a folder of another farm is refused. */
  farm: string
  /** Raw Ed25519 key of the farm, and what checks signatures, for frame tables. */
  farmKey: Uint8Array
  crypto: Crypto
}

/** A stream, or the index that is made of it. */
export type StoredKind = StreamName | 'idx'

/** All methods reject with StoreError (code, hint) when the store cannot do it now. */
export interface Store {
  /** Where the recording lies already, else the next folder in turn. */
  place(recording: string): Promise<StorePlace>
  /** For ingest alone: the stream's file, made when it is absent. */
  open(place: StorePlace, stream: StreamName): Promise<DurableFile>
  /** Bytes of a stream; `undefined` when it has no file. */
  size(place: StorePlace, stream: StoredKind): Promise<number | undefined>
  /** Bytes [from, to) in pieces; ends early where the file ends. Rejects with `not-found`. */
  readRange(
    place: StorePlace,
    stream: StoredKind,
    from: number,
    to: number,
    signal?: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, undefined>
  /** Read from the file; for a stream that is live here ask `Ingest.frames` first. Rejects with `not-found`. */
  frames(place: StorePlace, stream: StreamName): Promise<FrameTable>
  /** For the indexer alone: a new index with this content in the place of any other, to write on. */
  freshIndex(place: StorePlace, content: AsyncIterable<Uint8Array>): Promise<DurableFile>
  /** Removes the index. Idempotent. */
  dropIndex(place: StorePlace): Promise<void>
  /** All files of the recording. Idempotent. */
  remove(place: StorePlace): Promise<void>
  /** Writes `<id>.farm` (see `encodeLost`), exclusively; false when there is one. */
  markLost(place: StorePlace, mark: Uint8Array): Promise<boolean>
  /** The agent came back. Idempotent. */
  withdrawLost(place: StorePlace): Promise<void>
  /** Looks at every folder now. */
  check(): Promise<StoreFolderStatus[]>
}

const endings = { cast: '.cast.zst', rfb: '.rfb.zst', farm: '.farm', idx: '.idx' } as const
/** Group readers (backup) may be let in by the folder's own mode; others see nothing. */
const fileMode = 0o640
const folderMode = 0o750

export async function openStore(options: StoreOptions): Promise<Store> {
  const folders = new StoreFolders(options.folders, options.farm)
  const restore = options.restore === undefined ? undefined : resolve(options.restore)

  const pathIn = (folder: string, place: StorePlace, kind: keyof typeof endings) => {
    const recording = place.path.slice(-36)
    if (!isRecordingId(recording) || place.path !== recordingPath(recording))
      throw new StoreError('place', `${place.path} is not a place of a recording.`, 'The catalog is damaged.')
    return join(folder, `${place.path}${endings[kind]}`)
  }
  const pathOf = async (place: StorePlace, kind: keyof typeof endings) =>
    pathIn(await folders.pathOf(place.store), place, kind)

  /** Where to read; the store itself may be gone when a restored copy is there. */
  const readable = async (place: StorePlace, stream: StoredKind) => {
    let failure: unknown
    try {
      const path = await pathOf(place, stream)
      const size = await sizeOf(path)
      if (size !== undefined) return { path, size }
    } catch (error) {
      failure = error
    }
    if (restore !== undefined) {
      const path = pathIn(restore, place, stream)
      const size = await sizeOf(path)
      if (size !== undefined) return { path, size }
    }
    if (failure) throw failure
    throw new StoreError('not-found', `${place.path}${endings[stream]} is not in its store.`, 'Restore it.')
  }

  const kept = new KeptFrames()
  const scan = async (path: string, size: number) => {
    const table = new FrameTableBuilder()
    const verifier = new StreamVerifier(options.farmKey, options.crypto)
    const file = await DurableFile.openRead(path)
    try {
      const note = (records: Parameters<FrameTableBuilder['add']>[0][]) => {
        for (const record of records) table.add(record)
      }
      await scanStream((offset, length) => file.read(offset, length), size, verifier, note)
    } finally {
      await file.close()
    }
    return table.table(size)
  }

  const checks = new FolderChecks(async (path) => {
    const store = await folders.look(path)
    // Else a node that may not write there would draw agents until one of them has tried.
    await access(path, constants.W_OK)
    await syncFolder(path)
    return store
  })

  return {
    async place(recording) {
      const path = recordingPath(recording)
      const found = await folders.inTurn()
      if (found.length > 1)
        for (const { store, path: folder } of found)
          for (const stream of ['cast', 'rfb'] as const)
            if ((await sizeOf(pathIn(folder, { store, path }, stream))) !== undefined) return { store, path }
      return { store: found[0]!.store, path }
    },

    async open(place, stream) {
      const path = await pathOf(place, stream)
      try {
        const file = await openFile(path)
        try {
          // Unmounted since the first look? Then this new file is in the mount point's own file system.
          if (file.size === 0) await folders.pathOf(place.store)
        } catch (error) {
          await file.close()
          throw error
        }
        return file
      } catch (error) {
        throw storeErrorOf(error, `open ${path}`)
      }
    },

    async size(place, stream) {
      return sizeOf(await pathOf(place, stream))
    },

    async *readRange(place, stream, from, to, signal) {
      const { path } = await readable(place, stream)
      try {
        for await (const bytes of readFileRange(path, from, to)) {
          signal?.throwIfAborted()
          yield bytes
        }
      } catch (error) {
        if (signal?.aborted) throw error
        throw storeErrorOf(error, `read ${path}`)
      }
    },

    async frames(place, stream) {
      const { path, size } = await readable(place, stream)
      try {
        return await kept.frames(path, size, () => scan(path, size))
      } catch (error) {
        throw storeErrorOf(error, `read ${path}`)
      }
    },

    async freshIndex(place, content) {
      const path = await pathOf(place, 'idx')
      try {
        return await freshFile(path, content, fileMode)
      } catch (error) {
        throw storeErrorOf(error, `write ${path}`)
      }
    },

    async dropIndex(place) {
      await removeIfThere(await pathOf(place, 'idx'))
    },

    async remove(place) {
      for (const kind of Object.keys(endings) as (keyof typeof endings)[])
        await removeIfThere(await pathOf(place, kind))
    },

    async markLost(place, mark) {
      const path = await pathOf(place, 'farm')
      try {
        await mkdir(dirname(path), { recursive: true, mode: folderMode })
        return await createFile(path, mark, fileMode)
      } catch (error) {
        throw storeErrorOf(error, `write ${path}`)
      }
    },

    async withdrawLost(place) {
      const path = await pathOf(place, 'farm')
      if ((await sizeOf(path)) !== undefined) await removeIfThere(path)
    },

    check: () => Promise.all(folders.paths.map((path) => checks.look(path))),
  }
}

async function openFile(path: string): Promise<DurableFile> {
  try {
    return await DurableFile.open(path, fileMode)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    await makeFolder(dirname(path), folderMode)
    return DurableFile.open(path, fileMode)
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await removeFile(path)
  } catch (error) {
    // Without its folder there is no file.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw storeErrorOf(error, `remove ${path}`)
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw storeErrorOf(error, `look at ${path}`)
  }
}
