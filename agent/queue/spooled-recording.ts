import { readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { replaceFile } from '../../disk/atomic-replace.ts'
import { DurableFile } from '../../disk/durable-file.ts'
import { removeFile, syncFolder } from '../../disk/folder.ts'
import { readFileRange } from '../../disk/read-file.ts'
import type { Crypto } from '../../format/ports.ts'
import { skippableSpanBytes } from '../../format/skippable.ts'
import { openToken } from '../../format/token.ts'
import { type SessionRecord, saveSessionRecord } from './session-record.ts'
import { listSpoolFiles, type SpoolFile, spoolFileName } from './spool-file.ts'

// One recording in the queue. The recorder appends, the sender reads what is durable and deletes whole files below a
// receipt (I2). Frame 0 stays until the very end: it holds the certificate, should a store lose everything.

interface QueuedFile extends SpoolFile {
  size: number
}

/** What lies at an offset: bytes to send, or a GAP to announce. */
export type Queued =
  | { kind: 'bytes'; bytes: Uint8Array }
  | { kind: 'gap'; from: number; to: number; frame: Uint8Array }

export class SpooledRecording {
  readonly dir: string
  #record: SessionRecord
  #files: QueuedFile[]
  #open: DurableFile | undefined
  #durable: number
  #saving: Promise<void> = Promise.resolve()
  readonly #listeners = new Set<() => void>()

  constructor(dir: string, record: SessionRecord, files: QueuedFile[]) {
    this.dir = dir
    this.#record = record
    this.#files = files
    const last = files.at(-1)
    this.#durable = last ? last.start + last.size : 0
  }

  /** Takes what lies in `dir`; sizes are derived from the files. */
  static async load(dir: string, record: SessionRecord): Promise<SpooledRecording> {
    const files: QueuedFile[] = []
    for (const file of await listSpoolFiles(dir)) {
      const path = join(dir, spoolFileName(file))
      const size = file.kind === 'gap' ? skippableSpanBytes(await readFile(path)) : (await stat(path)).size
      // Frames that a GAP spans were about to be deleted.
      const before = files.at(-1)
      if (before?.kind === 'gap' && file.start < before.start + before.size) await rm(path, { force: true })
      else files.push({ ...file, size })
    }
    return new SpooledRecording(dir, record, files)
  }

  get record(): Readonly<SessionRecord> {
    return this.#record
  }

  get recording(): string {
    return this.#record.recording
  }

  /** Bytes up to here are on this host's disk for good, so they may be sent. */
  get durable(): number {
    return this.#durable
  }

  /** Lowest offset from which everything up to `durable` is still here; frame 0 apart. */
  get oldest(): number {
    const [first, second] = this.#files
    if (!first) return this.#durable
    return first.start === 0 && second && second.start > first.size ? second.start : first.start
  }

  get files(): readonly Readonly<QueuedFile>[] {
    return this.#files
  }

  /** Offset up to which a receipt of the farm lies here. */
  acknowledged(farmKey: Uint8Array, crypto: Crypto): number {
    const { receipt } = this.#record
    return receipt ? openToken(receipt, 'receipt', farmKey, crypto).offset : 0
  }

  get bytes(): number {
    return this.#files.reduce((sum, file) => sum + (file.kind === 'gap' ? 0 : file.size), 0)
  }

  /** `changed` is called when more became durable. */
  onDurable(changed: () => void): () => void {
    this.#listeners.add(changed)
    return () => this.#listeners.delete(changed)
  }

  /** Begins the file of the part at the stream's end. */
  async begin(): Promise<void> {
    await this.#close()
    const last = this.#files.at(-1)
    const file: QueuedFile = { start: last ? last.start + last.size : 0, kind: 'frame', size: 0 }
    this.#open = await DurableFile.open(join(this.dir, spoolFileName(file)))
    this.#files.push(file)
  }

  /** Goes on in the last file, cut to `size`: what a crash left behind it is gone. */
  async reopen(size: number): Promise<void> {
    await this.#close()
    const file = this.#files.at(-1)!
    this.#open = await DurableFile.open(join(this.dir, spoolFileName(file)))
    await this.#open.cut(size)
    file.size = size
    this.#durable = Math.min(this.#durable, file.start + size)
  }

  /** Removes the last file, of which nothing was worth keeping. */
  async dropLast(): Promise<void> {
    await this.#close()
    const file = this.#files.pop()
    if (!file) return
    await removeFile(join(this.dir, spoolFileName(file)))
    this.#durable = Math.min(this.#durable, file.start)
  }

  /** Writes behind what was written; durable after the next `sync`. */
  async append(pieces: readonly Uint8Array[]): Promise<void> {
    const file = this.#files.at(-1)!
    await this.#open!.write(pieces, file.size)
    file.size += pieces.reduce((sum, piece) => sum + piece.length, 0)
  }

  async sync(): Promise<void> {
    if (!this.#open) return
    await this.#open.sync()
    const file = this.#files.at(-1)!
    this.#durable = file.start + file.size
    for (const changed of this.#listeners) changed()
  }

  /** Changes the record durably. Changes are made one after the other. */
  update(change: Partial<SessionRecord>): Promise<void> {
    this.#record = { ...this.#record, ...change }
    this.#saving = this.#saving.catch(() => undefined).then(() => saveSessionRecord(this.dir, this.#record))
    return this.#saving
  }

  /** What lies at `offset`, at most `bytesMax` of it and never across two files; `undefined` when it is not here. */
  async read(offset: number, bytesMax: number): Promise<Queued | undefined> {
    const file = this.#files.find(({ start, size }) => offset >= start && offset < start + size)
    if (!file) return undefined
    const path = join(this.dir, spoolFileName(file))
    if (file.kind === 'gap')
      return { kind: 'gap', from: file.start, to: file.start + file.size, frame: await readFile(path) }
    const length = Math.min(bytesMax, file.start + file.size - offset, this.#durable - offset)
    if (length <= 0) return undefined
    const at = offset - file.start
    for await (const bytes of readFileRange(path, at, at + length, length)) return { kind: 'bytes', bytes }
    return undefined
  }

  /** Before the first byte of a frame goes out: from then on it may not be replaced by a GAP. */
  async markSent(offset: number): Promise<void> {
    const file = this.#files.find(({ start, size }) => offset >= start && offset < start + size)
    if (file && file.start > this.#record.sentFrom) await this.update({ sentFrom: file.start })
  }

  /** Puts a GAP in the place of whole files, durably, before they are deleted. `files` follow each other. */
  async replace(files: readonly QueuedFile[], frame: Uint8Array): Promise<void> {
    const start = files[0]!.start
    const size = files.reduce((sum, file) => sum + file.size, 0)
    await replaceFile(join(this.dir, spoolFileName({ start, kind: 'gap' })), frame)
    for (const file of files) {
      if (file.kind === 'gap' && file.start === start) continue
      await rm(join(this.dir, spoolFileName(file)), { force: true })
    }
    await syncFolder(this.dir)
    const at = this.#files.indexOf(files[0]!)
    this.#files.splice(at, files.length, { start, kind: 'gap', size })
  }

  /** The farm has everything below `offset` for good, and `receipt` proves it. */
  async acknowledge(offset: number, receipt: string): Promise<void> {
    await this.update({ receipt })
    const open = this.#open && this.#files.at(-1)
    const gone = this.#files.filter(
      (file) => file !== open && file.start > 0 && file.start + file.size <= offset,
    )
    for (const file of gone) await rm(join(this.dir, spoolFileName(file)), { force: true })
    this.#files = this.#files.filter((file) => !gone.includes(file))
  }

  /** Removes the recording from the queue: it is whole in the farm, or was deleted there. */
  async remove(): Promise<void> {
    await this.#close()
    await this.#saving.catch(() => undefined)
    await rm(this.dir, { recursive: true, force: true })
    this.#files = []
  }

  async close(): Promise<void> {
    await this.#close()
    await this.#saving.catch(() => undefined)
  }

  async #close(): Promise<void> {
    const file = this.#open
    this.#open = undefined
    await file?.close()
  }
}
