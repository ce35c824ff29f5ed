import { rm } from 'node:fs/promises'
import type { StreamName } from '../../format/records.ts'
import type { StreamState, WrittenFrame } from '../../format/stream-writer.ts'
import { peekToken } from '../../format/token.ts'
import { endOf, PartLog, partBelow } from './part-log.ts'
import { type Resume, type SessionRecord, saveSessionRecord } from './session-record.ts'
import { type Queued, type QueuedFile, SpoolFiles } from './spool-files.ts'
import { Turns } from './turns.ts'

// One stream of a recording in the queue: its files, the log of its parts, its session.json.
//
// The recorder appends at the end; the sender reads what is durable and deletes below receipts (I2); expiry puts GAPs in
// the place of files that were never sent. The last two take turns, so that a file is never sent and replaced at once.

/** So far ahead of what is sent files are marked as sent, to spare a durable write for each. */
const markAheadBytes = 1024 * 1024

export function streamKey(recording: string, stream: StreamName): string {
  return `${recording}/${stream}`
}

export function isDesktop({ record }: Pick<SpooledStream, 'record'>): boolean {
  return record.session.facts.type === 'desktop'
}

export class SpooledStream {
  readonly dir: string
  readonly #files: SpoolFiles
  readonly #parts: PartLog
  readonly #turns = new Turns()
  readonly #saves = new Turns()
  readonly #listeners = new Set<() => void>()
  #record: SessionRecord
  #durable: number
  #failed = false

  private constructor(dir: string, record: SessionRecord, files: SpoolFiles, parts: PartLog) {
    this.dir = dir
    this.#record = record
    this.#files = files
    this.#parts = parts
    // What lies behind the last part is known to be on the disk once the recorder has been over it.
    this.#durable = record.endSize ?? parts.state.offset
  }

  static async load(dir: string, record: SessionRecord): Promise<SpooledStream> {
    const files = await SpoolFiles.load(dir)
    const parts = await PartLog.load(dir)
    const spooled = new SpooledStream(dir, record, files, parts)
    // Deleted files may come back after a power cut.
    await spooled.#removeBelow(spooled.receiptOffset)
    return spooled
  }

  /** Makes its session.json; the folder is there. */
  static async create(dir: string, record: SessionRecord): Promise<SpooledStream> {
    await saveSessionRecord(dir, record)
    return SpooledStream.load(dir, record)
  }

  get record(): Readonly<SessionRecord> {
    return this.#record
  }

  get recording(): string {
    return this.#record.recording
  }

  /** Names the stream among all. */
  get key(): string {
    return streamKey(this.#record.recording, this.#record.stream)
  }

  /** As of the last boundary that is durable here. */
  get state(): StreamState {
    return this.#parts.state
  }

  /** Where the recorder's logs go on behind that boundary. */
  get resume(): Resume | undefined {
    return this.#parts.resume ?? this.#record.resume
  }

  get files(): readonly Readonly<QueuedFile>[] {
    return this.#files.list
  }

  /** Bytes on this disk. */
  get bytes(): number {
    return this.#files.bytes
  }

  /** Bytes up to here are on this host's disk for good, so they may be sent. */
  get durable(): number {
    return this.#durable
  }

  /** Lowest offset from which everything up to `durable` is still here. */
  get oldest(): number {
    let oldest = this.#durable
    for (const { start, size } of this.files.toReversed()) {
      if (start + size < oldest) break
      oldest = Math.min(oldest, start)
    }
    return oldest
  }

  /** What the newest receipt covers; it was checked when it came. */
  get receiptOffset(): number {
    const { receipt } = this.#record
    try {
      return receipt === undefined ? 0 : peekToken(receipt, 'receipt').offset
    } catch {
      return 0
    }
  }

  /** `changed` is called when more became durable. */
  onDurable(changed: () => void): void {
    this.#listeners.add(changed)
  }

  /** Begins the file of the next part. */
  begin(): Promise<void> {
    return this.#orFail(() => this.#files.begin(this.state.offset))
  }

  append(pieces: readonly Uint8Array[]): Promise<void> {
    return this.#orFail(() => this.#files.append(pieces))
  }

  /** Makes what was appended durable, and sendable. */
  async sync(): Promise<void> {
    this.#published(await this.#orFail(() => this.#files.sync()))
  }

  /** As `sync`, where the file ends with `part`. */
  async boundary(part: WrittenFrame, resume: Resume | undefined): Promise<void> {
    await this.#orFail(async () => {
      await this.#files.sync()
      await this.#parts.append(part, resume)
    })
    this.#published(endOf(part))
  }

  /** Goes on in the last file, cut to `size`: what a crash left behind it is gone. */
  reopen(size: number): Promise<void> {
    return this.#orFail(() => this.#files.reopen(size))
  }

  /** Removes the last file, of which nothing is worth keeping. */
  dropLast(): Promise<void> {
    return this.#orFail(() => this.#files.dropLast())
  }

  /** After an error nobody knows what the system has of what was not synced: it is cut off and will be written again. */
  async cutAfterFailure(): Promise<void> {
    if (!this.#failed) return
    for (
      let last = this.files.at(-1);
      last && last.start + last.size > this.#durable;
      last = this.files.at(-1)
    ) {
      if (last.start < this.#durable) await this.#files.reopen(this.#durable - last.start)
      else await this.#files.dropLast()
    }
    await this.#files.close()
    this.#failed = false
  }

  /** Changes the record durably. Changes are made one after the other. */
  update(change: Partial<SessionRecord>): Promise<void> {
    return this.#save((record) => ({ ...record, ...change }))
  }

  /** The farm refused the place it had given. */
  forgetPlace(): Promise<void> {
    return this.#save(({ place: _, ...record }) => record)
  }

  /**
   * What lies at `offset`, at most `bytesMax` of it and never across two files; `undefined` when it is not here.
   * From then on it may not be replaced by a GAP.
   */
  take(offset: number, bytesMax: number): Promise<Queued | undefined> {
    return this.#turns.take(async () => {
      const reach = this.files.findLast(({ start }) => start <= offset + markAheadBytes)?.start ?? -1
      const { sentFrom } = this.#record
      if ((this.#files.at(offset)?.start ?? -1) > sentFrom) await this.update({ sentFrom: reach })
      return this.#files.read(offset, bytesMax, this.#durable)
    })
  }

  /** The beginning of the file that has the byte at `offset`. */
  async peek(offset: number, bytesMax: number): Promise<Queued | undefined> {
    const file = this.#files.at(offset)
    return file && this.#files.read(file.start, bytesMax, this.#durable)
  }

  /**
   * Puts a GAP in the place of whole files that follow each other. Resolves false when that cannot be any more: a byte of
   * them was sent meanwhile, or they are gone.
   */
  replace(files: readonly Readonly<QueuedFile>[], frame: Uint8Array): Promise<boolean> {
    return this.#turns.take(async () => {
      const here = files.every((file) => this.files.includes(file))
      if (!here || files[0]!.start <= this.#record.sentFrom) return false
      await this.#files.replace(files, frame)
      return true
    })
  }

  /** The farm has everything below `offset` for good, and `receipt` proves it. */
  acknowledge(offset: number, receipt: string): Promise<void> {
    return this.#turns.take(async () => {
      if (offset <= this.receiptOffset) return
      await this.update({ receipt })
      await this.#removeBelow(offset)
    })
  }

  /** Removes the stream from the queue: it is whole in the farm, or was deleted there. */
  async remove(): Promise<void> {
    await this.close()
    await rm(this.dir, { recursive: true, force: true })
  }

  async close(): Promise<void> {
    await this.#turns.idle()
    await this.#saves.idle()
    await this.#files.close()
    await this.#parts.close()
  }

  // Frame 0 stays to the end: it has the certificate, should a store lose all. So do GAPs, since none fits in their place.
  #removeBelow(offset: number): Promise<void> {
    const { written } = this.state
    const isGap = (start: number) => partBelow(written, start + 1)?.head === 0
    return this.#files.removeBelow(offset, (start) => start === 0 || isGap(start))
  }

  // What is in memory is on the disk.
  #save(change: (record: SessionRecord) => SessionRecord): Promise<void> {
    return this.#saves.take(async () => {
      const record = change(this.#record)
      await saveSessionRecord(this.dir, record)
      this.#record = record
    })
  }

  async #orFail<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      this.#failed = true
      throw error
    }
  }

  #published(durable: number): void {
    this.#durable = durable
    for (const changed of this.#listeners) changed()
  }
}
