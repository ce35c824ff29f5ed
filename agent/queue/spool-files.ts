import { readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { replaceFile } from '../../disk/atomic-replace.ts'
import { DurableFile } from '../../disk/durable-file.ts'
import { removeFile, syncFolder } from '../../disk/folder.ts'
import { readFileRange } from '../../disk/read-file.ts'
import { skippableSpanBytes } from '../../format/skippable.ts'
import { listSpoolFiles, type SpoolFile, spoolFileName } from './spool-file.ts'

export interface QueuedFile extends SpoolFile {
  size: number
}

/** What lies at an offset: bytes to send, or a GAP to announce. */
export type Queued =
  | { kind: 'bytes'; bytes: Uint8Array }
  | { kind: 'gap'; from: number; to: number; frame: Uint8Array }

/** A stream's files in the queue, in order of their offsets. The last one may be growing. */
export class SpoolFiles {
  readonly #dir: string
  #files: QueuedFile[]
  #open: { file: DurableFile; queued: QueuedFile } | undefined

  private constructor(dir: string, files: QueuedFile[]) {
    this.#dir = dir
    this.#files = files
  }

  /** Takes what lies in `dir`; sizes are derived from the files. What a crash left half deleted is deleted. */
  static async load(dir: string): Promise<SpoolFiles> {
    const files: QueuedFile[] = []
    for (const file of await listSpoolFiles(dir)) {
      const path = join(dir, spoolFileName(file))
      const size = file.kind === 'gap' ? skippableSpanBytes(await readFile(path)) : (await stat(path)).size
      // Frames that a GAP spans were about to be deleted; it comes before a frame at its own offset.
      const before = files.at(-1)
      if (before?.kind === 'gap' && file.start < before.start + before.size) await rm(path, { force: true })
      else files.push({ ...file, size })
    }
    return new SpoolFiles(dir, files)
  }

  get list(): readonly Readonly<QueuedFile>[] {
    return this.#files
  }

  /** Bytes they take on the disk. */
  get bytes(): number {
    return this.#files.reduce((sum, file) => sum + (file.kind === 'gap' ? 0 : file.size), 0)
  }

  /** The file that has the byte at `offset`. */
  at(offset: number): QueuedFile | undefined {
    return this.#files.find(({ start, size }) => offset >= start && offset < start + size)
  }

  pathOf(file: SpoolFile): string {
    return join(this.#dir, spoolFileName(file))
  }

  /** Makes the file of the part that begins at `start`, the stream's end. */
  async begin(start: number): Promise<void> {
    await this.close()
    const queued: QueuedFile = { start, kind: 'frame', size: 0 }
    const file = await DurableFile.open(this.pathOf(queued))
    this.#open = { file, queued }
    // Left by a try that failed.
    if (file.size > 0) await file.cut(0)
    this.#files.push(queued)
  }

  /** Goes on in the last file, cut to `size`. */
  async reopen(size: number): Promise<void> {
    await this.close()
    const queued = this.#files.at(-1)!
    const file = await DurableFile.open(this.pathOf(queued))
    this.#open = { file, queued }
    await file.cut(size)
    queued.size = size
  }

  /** Removes the last file. */
  async dropLast(): Promise<void> {
    await this.close()
    const last = this.#files.at(-1)
    if (!last) return
    await removeFile(this.pathOf(last))
    this.#files.pop()
  }

  /** Writes behind what was written; durable after the next `sync`. */
  async append(pieces: readonly Uint8Array[]): Promise<void> {
    const { file, queued } = this.#open!
    await file.write(pieces, queued.size)
    queued.size += pieces.reduce((sum, piece) => sum + piece.length, 0)
  }

  /** Resolves with the stream offset up to which all is durable. */
  async sync(): Promise<number> {
    const { file, queued } = this.#open!
    const { size } = await file.sync()
    return queued.start + size
  }

  /** What lies at `offset`: at most `bytesMax`, below `end`, never across two files; `undefined` when nothing does. */
  async read(offset: number, bytesMax: number, end: number): Promise<Queued | undefined> {
    const queued = this.at(offset)
    if (!queued) return undefined
    const { start, kind, size } = queued
    if (kind === 'gap')
      return { kind, from: start, to: start + size, frame: await readFile(this.pathOf(queued)) }
    const length = Math.min(bytesMax, start + size - offset, end - offset)
    if (length <= 0) return undefined
    const at = offset - start
    for await (const bytes of readFileRange(this.pathOf(queued), at, at + length, length))
      return { kind: 'bytes', bytes }
    return undefined
  }

  /** Puts a GAP in the place of whole files, durably, before they are deleted. `files` follow each other. */
  async replace(files: readonly Readonly<QueuedFile>[], frame: Uint8Array): Promise<void> {
    const gap: QueuedFile = { start: files[0]!.start, kind: 'gap', size: skippableSpanBytes(frame) }
    await replaceFile(this.pathOf(gap), frame)
    const gone = new Set<SpoolFile>(files)
    const paths = files
      .filter((file) => file.kind !== 'gap' || file.start !== gap.start)
      .map((file) => this.pathOf(file))
    this.#files = this.#files.flatMap((file) => (file === files[0] ? [gap] : gone.has(file) ? [] : [file]))
    for (const path of paths) await rm(path, { force: true })
    await syncFolder(this.#dir)
  }

  /** Deletes whole files below `offset`, but those that `keeps` names by their start. */
  async removeBelow(offset: number, keeps: (start: number) => boolean): Promise<void> {
    // The file of the next part may have begun at `offset`, without a byte yet.
    const gone = this.#files.filter(
      ({ start, size }) => start < offset && start + size <= offset && !keeps(start),
    )
    if (gone.length === 0) return
    this.#files = this.#files.filter((file) => !gone.includes(file))
    for (const file of gone) await rm(this.pathOf(file), { force: true })
  }

  async close(): Promise<void> {
    const open = this.#open
    this.#open = undefined
    await open?.file.close()
  }
}
