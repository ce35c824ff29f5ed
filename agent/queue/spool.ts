import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder, renameFile, syncFolder } from '../../disk/folder.ts'
import { isRecordingId } from '../../format/recording-id.ts'
import { type StreamName, streamNames } from '../../format/records.ts'
import { partBelow } from './part-log.ts'
import { loadSessionRecord, type SessionRecord } from './session-record.ts'
import { SpooledStream, streamKey } from './spooled-stream.ts'

// The agent's disk-backed queue: spool/<recording>/<stream>/. Everything it says is derived from its files.

export interface QueueTotals {
  bytes: number
  /** Files that wait: a file is sent, acknowledged and deleted as a whole. */
  messages: number
  oldestMs: number | null
}

export class Spool {
  readonly #root: string
  /** By `SpooledStream.key`. */
  readonly #streams = new Map<string, SpooledStream>()

  private constructor(root: string) {
    this.#root = root
  }

  /** Loads what an earlier agent left. A folder that cannot be understood is put aside as `.bad`. */
  static async open(root: string): Promise<{ spool: Spool; bad: string[] }> {
    await makeFolder(root)
    const spool = new Spool(root)
    const bad: string[] = []
    // Ids begin with the start, so names in order are recordings in order.
    for (const name of (await readdir(root)).sort()) {
      if (!isRecordingId(name)) continue
      const streams = await loadStreams(join(root, name), name)
      if (streams === undefined) {
        await renameFile(join(root, name), join(root, `${name}.bad`))
        bad.push(name)
      } else if (streams.length === 0) await rm(join(root, name), { recursive: true, force: true })
      else for (const spooled of streams) spool.#streams.set(spooled.key, spooled)
    }
    return { spool, bad }
  }

  /** Oldest first. */
  get streams(): SpooledStream[] {
    return [...this.#streams.values()]
  }

  get(recording: string, stream: StreamName = 'cast'): SpooledStream | undefined {
    return this.#streams.get(streamKey(recording, stream))
  }

  streamsOf(recording: string): SpooledStream[] {
    return streamNames.flatMap((stream) => this.get(recording, stream) ?? [])
  }

  async create(record: SessionRecord): Promise<SpooledStream> {
    const dir = join(this.#root, record.recording, record.stream)
    await makeFolder(dir)
    const spooled = await SpooledStream.create(dir, record)
    this.#streams.set(spooled.key, spooled)
    return spooled
  }

  /** The recording's folder goes with its last stream. */
  async remove(spooled: SpooledStream): Promise<void> {
    const { recording } = spooled
    this.#streams.delete(spooled.key)
    await spooled.remove()
    if (this.streamsOf(recording).length > 0) return
    await rm(join(this.#root, recording), { recursive: true, force: true })
    await syncFolder(this.#root)
  }

  /** Puts a recording aside that the farm refuses for good; an operator can look at it. */
  async setAside(recording: string, ending: string): Promise<void> {
    for (const spooled of this.streamsOf(recording)) {
      this.#streams.delete(spooled.key)
      await spooled.close()
    }
    await renameFile(join(this.#root, recording), join(this.#root, `${recording}.${ending}`))
  }

  /** `acked` = offset up to which a stream's bytes are known to be stored. */
  totals(nowMs: number, acked: (spooled: SpooledStream) => number): QueueTotals {
    let bytes = 0
    let messages = 0
    let oldestMs: number | null = null
    for (const spooled of this.#streams.values()) {
      const from = Math.max(acked(spooled), spooled.receiptOffset)
      for (const file of spooled.files) {
        const waiting = Math.max(0, file.start + file.size - Math.max(from, file.start))
        if (waiting === 0) continue
        bytes += file.kind === 'gap' ? 0 : waiting
        messages += 1
        const ageMs = Math.max(0, nowMs - writtenMs(spooled, file.start))
        oldestMs = Math.max(oldestMs ?? 0, ageMs)
      }
    }
    return { bytes, messages, oldestMs }
  }

  async close(): Promise<void> {
    for (const spooled of this.#streams.values()) await spooled.close()
  }
}

/** When the file at `start` began, ms since the epoch: the end of the part before it. */
export function writtenMs(spooled: SpooledStream, start: number): number {
  const before = partBelow(spooled.state.written, start)
  return spooled.record.session.facts.startedMs + (before?.endUs ?? 0) / 1000
}

/** What a recording's folder has; `undefined` when a stream in it cannot be understood. */
async function loadStreams(folder: string, recording: string): Promise<SpooledStream[] | undefined> {
  const streams: SpooledStream[] = []
  for (const stream of streamNames) {
    const dir = join(folder, stream)
    const record = await loadSessionRecord(dir)
    const files = record ? [] : await readdir(dir).catch(() => [])
    if (record?.recording === recording && record.stream === stream)
      streams.push(await SpooledStream.load(dir, record))
    // Made, but nothing was ever recorded in it.
    else if (!record && files.every((file) => file.endsWith('.tmp'))) continue
    else return undefined
  }
  return streams
}
