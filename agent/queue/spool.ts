import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder, renameFile, syncFolder } from '../../disk/folder.ts'
import { isRecordingId } from '../../format/recording-id.ts'
import { partBelow } from './part-log.ts'
import { loadSessionRecord, type SessionRecord } from './session-record.ts'
import { SpooledRecording } from './spooled-recording.ts'

// The agent's disk-backed queue: spool/<recording>/<stream>/. Everything it says is derived from its files.

export interface QueueTotals {
  bytes: number
  /** Files that wait: a file is sent, acknowledged and deleted as a whole. */
  messages: number
  oldestMs: number | null
}

export class Spool {
  readonly #root: string
  readonly #recordings = new Map<string, SpooledRecording>()

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
      const dir = join(root, name, 'cast')
      const record = await loadSessionRecord(dir)
      const files = record ? [] : await readdir(dir).catch(() => [])
      // Made, but nothing was ever recorded in it.
      if (!record && files.filter((file) => !file.endsWith('.tmp')).length === 0)
        await rm(join(root, name), { recursive: true, force: true })
      else if (record?.recording !== name) {
        await renameFile(join(root, name), join(root, `${name}.bad`))
        bad.push(name)
      } else spool.#recordings.set(name, await SpooledRecording.load(dir, record))
    }
    return { spool, bad }
  }

  /** Oldest first. */
  get recordings(): SpooledRecording[] {
    return [...this.#recordings.values()]
  }

  get(recording: string): SpooledRecording | undefined {
    return this.#recordings.get(recording)
  }

  async create(record: SessionRecord): Promise<SpooledRecording> {
    const dir = join(this.#root, record.recording, 'cast')
    await makeFolder(dir)
    const recording = await SpooledRecording.create(dir, record)
    this.#recordings.set(record.recording, recording)
    return recording
  }

  async remove(recording: string): Promise<void> {
    const found = this.#recordings.get(recording)
    this.#recordings.delete(recording)
    await found?.remove()
    await rm(join(this.#root, recording), { recursive: true, force: true })
    await syncFolder(this.#root)
  }

  /** Puts a recording aside that the farm refuses for good; an operator can look at it. */
  async setAside(recording: string, ending: string): Promise<void> {
    const found = this.#recordings.get(recording)
    this.#recordings.delete(recording)
    await found?.close()
    await renameFile(join(this.#root, recording), join(this.#root, `${recording}.${ending}`))
  }

  /** `acked` = offset up to which a recording's bytes are known to be stored. */
  totals(nowMs: number, acked: (recording: string) => number): QueueTotals {
    let bytes = 0
    let messages = 0
    let oldestMs: number | null = null
    for (const recording of this.#recordings.values()) {
      const from = Math.max(acked(recording.recording), recording.receiptOffset)
      for (const file of recording.files) {
        const waiting = Math.max(0, file.start + file.size - Math.max(from, file.start))
        if (waiting === 0) continue
        bytes += file.kind === 'gap' ? 0 : waiting
        messages += 1
        const ageMs = Math.max(0, nowMs - writtenMs(recording, file.start))
        oldestMs = Math.max(oldestMs ?? 0, ageMs)
      }
    }
    return { bytes, messages, oldestMs }
  }

  async close(): Promise<void> {
    for (const recording of this.#recordings.values()) await recording.close()
  }
}

/** When the file at `start` began, ms since the epoch: the end of the part before it. */
export function writtenMs(recording: SpooledRecording, start: number): number {
  const before = partBelow(recording.state.written, start)
  return recording.record.session.facts.startedMs + (before?.endUs ?? 0) / 1000
}
