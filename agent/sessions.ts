import { randomBytes } from 'node:crypto'
import { watch } from 'node:fs'
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Crypto } from '../format/ports.ts'
import { makeRecordingId } from '../format/recording-id.ts'
import { recorderAlive } from './capture/recorder-alive.ts'
import { type RecordedSession, readSessionFile } from './capture/session-file.ts'
import { SessionRecorder } from './capture/session-recorder.ts'
import type { AgentIdentity } from './identity.ts'
import type { AgentLog } from './log.ts'
import type { Spool } from './queue/spool.ts'

// Finds sessions that recorders have announced, and those an earlier agent left, and keeps one recorder of ours for each.

/** The watch tells at once; this is for a watch that was lost. */
const scanMs = 1000
/** A folder without an announcement for so long was left by a recorder that failed before it began. */
const staleMs = 60_000

export interface SessionsOptions {
  runFolder: string
  spool: Spool
  identity: AgentIdentity
  crypto: Crypto
  log: AgentLog
  /** More of a recording can be sent. */
  onDurable(recording: string): void
}

export class Sessions {
  readonly #options: SessionsOptions
  readonly #recorders = new Map<string, SessionRecorder>()
  /** Folders that must not be recorded any more: the farm discarded them. */
  readonly #discarded = new Set<string>()
  #timer: NodeJS.Timeout | undefined
  #watcher: ReturnType<typeof watch> | undefined
  #scanning: Promise<void> | undefined
  #closed = false

  constructor(options: SessionsOptions) {
    this.#options = options
  }

  /** Recordings whose session runs. */
  get live(): SessionRecorder[] {
    return [...this.#recorders.values()]
  }

  async start(): Promise<void> {
    for (const spooled of this.#options.spool.recordings) {
      const { endSize, folder } = spooled.record
      if (endSize === undefined) this.#record(folder, spooled)
      else await rm(join(this.#options.runFolder, folder), { recursive: true, force: true })
    }
    await this.#scan()
    this.#watcher = watch(this.#options.runFolder, () => void this.#scan())
    this.#watcher.on('error', () => undefined)
    this.#timer = setInterval(() => void this.#scan(), scanMs)
  }

  setWatched(recording: string, watched: boolean): void {
    this.#recorders.get(recording)?.setWatched(watched)
  }

  /** The recording is not wanted: its session goes on unrecorded. */
  async discard(recording: string): Promise<void> {
    const recorder = this.#recorders.get(recording)
    if (!recorder) return
    this.#discarded.add(recorder.spooled.record.folder)
    this.#recorders.delete(recording)
    await recorder.close()
  }

  /** The farm has other bytes under this id: what the recorder's logs still hold goes into a new recording. */
  async fork(recording: string): Promise<void> {
    const { spool, log } = this.#options
    const recorder = this.#recorders.get(recording)
    this.#recorders.delete(recording)
    await recorder?.close()
    const record = spool.get(recording)?.record
    await spool.setAside(recording, 'forked')
    log.error({ code: 'fork', recording }, 'the farm has other bytes under this id; it is put aside')
    if (!recorder || !record) return
    const facts = { ...record.session.facts, sequence: record.session.facts.sequence + 1 }
    await this.#create(record.folder, { ...record.session, facts }, record.resume)
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#timer)
    this.#watcher?.close()
    await this.#scanning
    await Promise.all([...this.#recorders.values()].map((recorder) => recorder.close()))
  }

  #scan(): Promise<void> {
    this.#scanning ??= this.#look()
      .catch((error: Error) =>
        this.#options.log.error({ code: 'scan', error: error.message }, 'sessions cannot be listed'),
      )
      .finally(() => {
        this.#scanning = undefined
      })
    return this.#scanning
  }

  async #look(): Promise<void> {
    const { runFolder, spool } = this.#options
    const spooled = [...spool.recordings, ...this.live.map((recorder) => recorder.spooled)]
    const known = new Set(spooled.map(({ record }) => record.folder))
    for (const folder of await readdir(runFolder)) {
      if (this.#closed) return
      if (known.has(folder)) continue
      const dir = join(runFolder, folder)
      const session = await readSessionFile(dir).catch(() => undefined)
      if (this.#discarded.has(folder)) {
        if (!session || !(await recorderAlive(session))) await this.#forget(folder)
      } else if (session) await this.#create(folder, session)
      else if (Date.now() - (await stat(dir)).mtimeMs > staleMs)
        await rm(dir, { recursive: true, force: true })
    }
  }

  async #forget(folder: string): Promise<void> {
    this.#discarded.delete(folder)
    await rm(join(this.#options.runFolder, folder), { recursive: true, force: true })
  }

  async #create(
    folder: string,
    session: RecordedSession,
    resume?: SessionRecorder['spooled']['record']['resume'],
  ): Promise<void> {
    const recording = makeRecordingId(session.facts.startedMs, randomBytes(10))
    const spooled = await this.#options.spool.create({
      version: 1,
      recording,
      stream: 'cast',
      folder,
      session,
      state: { offset: 0, frame: 0, chain: null, written: [] },
      sentFrom: -1,
      ...(resume && { resume }),
    })
    this.#record(folder, spooled)
  }

  #record(folder: string, spooled: SessionRecorder['spooled']): void {
    const { runFolder, identity, crypto, log, onDurable } = this.#options
    const { signer, certificate, farmKey } = identity
    const dir = join(runFolder, folder)
    const recorder = new SessionRecorder({ dir, spooled, signer, crypto, certificate, farmKey, log })
    this.#recorders.set(spooled.recording, recorder)
    spooled.onDurable(() => onDurable(spooled.recording))
    void recorder.run().then(() => {
      if (this.#closed) return
      this.#recorders.delete(spooled.recording)
      onDurable(spooled.recording)
    })
  }
}
