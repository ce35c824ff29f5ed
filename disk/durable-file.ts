import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { syncFolder } from './folder.ts'

declare const syncedBrand: unique symbol

/** Proof that the first `size` bytes of a file are on stable storage. Only `DurableFile.sync` makes one (I1). */
export interface Synced {
  readonly [syncedBrand]: true
  readonly size: number
}

/**
 * A file written at chosen offsets. Calls of `write` and `sync` are made one after the other. After an error the file
 * must be closed and forgotten: what the system still has of it is unknown.
 */
export class DurableFile {
  readonly #file: FileHandle
  #size: number

  constructor(file: FileHandle, size: number) {
    this.#file = file
    this.#size = size
  }

  /** Creates the file when it is absent; its name is then durable. The folder must exist. */
  static async open(path: string, mode = 0o600): Promise<DurableFile> {
    const file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, mode)
    try {
      const { size } = await file.stat()
      if (size === 0) await syncFolder(dirname(path))
      return new DurableFile(file, size)
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** Only for `read` and `size`. */
  static async openRead(path: string): Promise<DurableFile> {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
    try {
      return new DurableFile(file, (await file.stat()).size)
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** Bytes the file has, durable or not. */
  get size(): number {
    return this.#size
  }

  /** Writes all pieces one behind the other, from `offset`. */
  async write(pieces: readonly Uint8Array[], offset: number): Promise<void> {
    let at = offset
    let left = pieces.filter((piece) => piece.length > 0)
    while (left.length > 0) {
      // IOV_MAX is 1024 on Linux.
      const { bytesWritten } = await this.#file.writev(left.slice(0, 1024), at)
      if (bytesWritten === 0) throw Object.assign(new Error('A write took no bytes.'), { code: 'ENOSPC' })
      at += bytesWritten
      left = after(left, bytesWritten)
    }
    this.#size = Math.max(this.#size, at)
  }

  /** Makes the file at least this long; what was never written is a hole. */
  async extend(size: number): Promise<void> {
    if (size <= this.#size) return
    await this.#file.truncate(size)
    this.#size = size
  }

  /** Cuts the file. Only for the writer's own torn tail in its own queue: a store's streams are never cut (I3). */
  async cut(size: number): Promise<void> {
    await this.#file.truncate(size)
    this.#size = size
  }

  async sync(): Promise<Synced> {
    const size = this.#size
    await this.#file.datasync()
    return { size } as Synced
  }

  /** Up to `length` bytes from `offset`; fewer at the end of the file. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    const bytes = Buffer.allocUnsafe(length)
    let size = 0
    while (size < length) {
      const { bytesRead } = await this.#file.read(bytes, size, length - size, offset + size)
      if (bytesRead === 0) break
      size += bytesRead
    }
    return bytes.subarray(0, size)
  }

  async close(): Promise<void> {
    await this.#file.close()
  }
}

function after(pieces: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let skip = bytes
  const left: Uint8Array[] = []
  for (const piece of pieces) {
    if (skip >= piece.length) skip -= piece.length
    else {
      left.push(skip > 0 ? piece.subarray(skip) : piece)
      skip = 0
    }
  }
  return left
}
