import { randomBytes } from 'node:crypto'
import { type FSWatcher, watch } from 'node:fs'
import { readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Crypto } from '../format/ports.ts'
import { makeRecordingId } from '../format/recording-id.ts'
import { processAlive } from './capture/process-name.ts'
import { punchWhole } from './capture/punch-hole.ts'
import { removeSession } from './capture/remove-session.ts'
import { type RecordedSession, readSessionFile } from './capture/session-file.ts'
import { SessionRecorder } from './capture/session-recorder.ts'
import { type AgentIdentity, signingAs } from './identity.ts'
import type { AgentLog } from './log.ts'
import type { Resume } from './queue/session-record.ts'
import type { Spool } from './queue/spool.ts'
import { isDesktop, type SpooledStream } from './queue/spooled-stream.ts'

// Finds sessions that recorders have announced, and those an earlier agent left, and keeps one recorder of ours for each.

/** The watch tells at once; this is for a watch that was lost. */
const scanMs = 1000
/** A folder without an announcement for so long was left by a recorder that failed before it began. */
const staleMs = 60_000
/** Whoever compares logins with recordings comes too late for a short one. */
const recentMs = 60_000
/** In a session's folder: the farm does not want its recording, and the session goes on unrecorded. */
const discardedName = 'discarded'

export interface SessionsOptions {
  runFolder: string
  spool: Spool
  identity: AgentIdentity
  crypto: Crypto
  log: AgentLog
  /** More of a stream can be sent. */
  onDurable(spooled: SpooledStream): void
}

export class Sessions {
  readonly #options: SessionsOptions
  readonly #recorders = new Map<string, SessionRecorder>()
  /** Sessions that ended, and when (`performance.now`). */
  #ended: { session: RecordedSession; endedMs: number }[] = []
  /** Folders between two recordings. */
  readonly #forking = new Set<string>()
  #timer: NodeJS.Timeout | undefined
  #watcher: FSWatcher | undefined
  #scanning: Promise<void> | undefined
  #told = ''
  #closed = false

  constructor(options: SessionsOptions) {
    this.#options = options
  }

  /** Recordings whose session runs. */
  get live(): SessionRecorder[] {
    return [...this.#recorders.values()]
  }

  /** Sessions that run, and those that ended within the last minute. */
  get recent(): RecordedSession[] {
    this.#forgetEnded()
    return [
      ...this.live.map(({ spooled }) => spooled.record.session),
      ...this.#ended.map(({ session }) => session),
    ]
  }

  async start(): Promise<void> {
    for (const spooled of this.#options.spool.streams) {
      if (isDesktop(spooled)) continue
      const { endSize, folder } = spooled.record
      if (endSize === undefined) this.#record(folder, spooled)
      else await removeSession(this.#folder(folder))
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
    // A folder that is gone has ended.
    await writeFile(join(this.#folder(recorder.spooled.record.folder), discardedName), '').catch(
      () => undefined,
    )
    this.#recorders.delete(recording)
    await recorder.close()
  }

  /** The farm has other bytes under this id: what the recorder's logs still hold goes into a new recording. */
  async fork(recording: string): Promise<void> {
    const { spool, log } = this.#options
    const spooled = spool.get(recording)
    if (!spooled) return
    const { folder, session } = spooled.record
    this.#forking.add(folder)
    try {
      const recorder = this.#recorders.get(recording)
      this.#recorders.delete(recording)
      await recorder?.close()
      const { resume } = spooled
      await spool.setAside(recording, 'forked')
      log.error({ code: 'fork', recording }, 'the farm has other bytes under this id; it is put aside')
      if (!recorder || spooled.record.endSize !== undefined) return
      const facts = { ...session.facts, sequence: session.facts.sequence + 1 }
      await this.#create(folder, { ...session, facts }, resume)
    } finally {
      this.#forking.delete(folder)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#timer)
    this.#watcher?.close()
    await this.#scanning
    await Promise.all(this.live.map((recorder) => recorder.close()))
  }

  #scan(): Promise<void> {
    this.#scanning ??= this.#look()
      .then(
        () => '',
        (error: Error) => error.message,
      )
      .then((error) => {
        if (error !== '' && error !== this.#told)
          this.#options.log.error({ code: 'scan', error }, 'sessions cannot be listed')
        this.#told = error
      })
      .finally(() => {
        this.#scanning = undefined
      })
    return this.#scanning
  }

  async #look(): Promise<void> {
    const known = this.#knownFolders()
    for (const folder of await readdir(this.#options.runFolder)) {
      if (this.#closed) return
      // Asked again for the few that are new: some time has passed.
      if (!known.has(folder) && !this.#knownFolders().has(folder)) await this.#found(folder)
    }
  }

  #knownFolders(): Set<string> {
    const spooled = [...this.#options.spool.streams, ...this.live.map((recorder) => recorder.spooled)]
    return new Set([...spooled.map(({ record }) => record.folder), ...this.#forking])
  }

  async #found(folder: string): Promise<void> {
    const dir = this.#folder(folder)
    const names: string[] = await readdir(dir).catch(() => [])
    const session = await readSessionFile(dir).catch(() => undefined)
    if (!session) {
      const { mtimeMs } = await stat(dir)
      if (Date.now() - mtimeMs > staleMs) await removeSession(dir)
    } else if (!names.includes(discardedName)) await this.#create(folder, session)
    else if (processAlive(session)) await punchWhole(dir)
    else await removeSession(dir)
  }

  async #create(folder: string, session: RecordedSession, resume?: Resume): Promise<void> {
    const recording = makeRecordingId(session.facts.startedMs, randomBytes(10))
    const spooled = await this.#options.spool.create({
      version: 1,
      recording,
      stream: 'cast',
      agent: this.#options.identity.agent,
      folder,
      session,
      sentFrom: -1,
      ...(resume && { resume }),
    })
    this.#record(folder, spooled)
  }

  #record(folder: string, spooled: SpooledStream): void {
    const { identity, crypto, log, onDurable } = this.#options
    const { signer, certificate } = signingAs(identity, spooled.record.agent)
    const dir = this.#folder(folder)
    const recorder = new SessionRecorder({ dir, spooled, signer, crypto, certificate, log })
    this.#recorders.set(spooled.recording, recorder)
    spooled.onDurable(() => onDurable(spooled))
    void recorder.run().then(() => {
      if (this.#closed) return
      this.#recorders.delete(spooled.recording)
      this.#forgetEnded()
      this.#ended.push({ session: spooled.record.session, endedMs: performance.now() })
      onDurable(spooled)
    })
  }

  #forgetEnded(): void {
    this.#ended = this.#ended.filter(({ endedMs }) => performance.now() - endedMs < recentMs)
  }

  #folder(name: string): string {
    return join(this.#options.runFolder, name)
  }
}
