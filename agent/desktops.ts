import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Crypto } from '../format/ports.ts'
import { makeRecordingId } from '../format/recording-id.ts'
import type { Facts } from '../format/records.ts'
import { DesktopError } from './capture/desktop/desktop-error.ts'
import { DesktopSession } from './capture/desktop/desktop-session.ts'
import { desktopSource } from './capture/desktop/desktop-source.ts'
import { DesktopWatch, type DesktopWatchOptions } from './capture/desktop/desktop-watch.ts'
import { keyOf, type LocalDesktop, listDesktops } from './capture/desktop/local-desktops.ts'
import type { ScreenSource } from './capture/desktop/screen-source.ts'
import { makeXFolder } from './capture/desktop/x-folder.ts'
import { type ProcessName, processAlive } from './capture/process-name.ts'
import { type AgentIdentity, signingAs } from './identity.ts'
import type { Spool } from './queue/spool.ts'
import type { SpooledStream } from './queue/spooled-stream.ts'

// The desktops that are recorded: those that are found, and those an earlier agent was recording. A session for each.

const nobody = { uid: 65_534, gid: 65_534 }

export interface DesktopsOptions
  extends Pick<DesktopWatchOptions, 'settings' | 'home' | 'log' | 'covers' | 'decide'> {
  /** Of a whole host: its folder in /run. */
  hostRun?: string
  spool: Spool
  identity: AgentIdentity
  crypto: Crypto
  /** More of a stream can be sent. */
  onDurable(spooled: SpooledStream): void
}

export interface DesktopStatus {
  name: string
  user: string
  recording: string
  /** Why it is not recorded now. */
  trouble?: { code: string; text: string; hint?: string }
}

export class Desktops {
  readonly #options: DesktopsOptions
  readonly #sessions = new Map<string, DesktopSession>()
  readonly #endings = new Set<Promise<void>>()
  readonly #watch: DesktopWatch
  /** Where our x0vncservers have their sockets. */
  #xFolder = ''
  #closed = false

  constructor(options: DesktopsOptions) {
    this.#options = options
    this.#watch = new DesktopWatch({
      ...options,
      recorded: this.#sessions,
      found: (desktop, key, facts) => this.#create(desktop, key, facts),
    })
  }

  /** Recordings whose desktop runs. */
  get live(): DesktopSession[] {
    return [...this.#sessions.values()]
  }

  get status(): DesktopStatus[] {
    return this.live.map(({ cast, trouble }) => ({
      name: decodeURIComponent(cast.record.folder),
      user: cast.record.session.facts.user,
      recording: cast.recording,
      ...(trouble && {
        trouble: { code: trouble.code, text: trouble.message, ...(trouble.hint && { hint: trouble.hint }) },
      }),
    }))
  }

  async start(): Promise<void> {
    const { settings, home, hostRun } = this.#options
    const wanted = settings.find || settings.named.length > 0
    if (wanted) this.#xFolder = await makeXFolder(home, hostRun)
    await this.#watch.load()
    await this.#resume(await listDesktops(settings))
    if (wanted) this.#watch.start()
  }

  setWatched(spooled: SpooledStream, watched: boolean): void {
    this.#sessionOf(spooled.recording)?.setWatched(spooled.record.stream, watched)
  }

  /** The recording is not wanted: its desktop goes on unrecorded. */
  async discard(recording: string): Promise<void> {
    const session = this.#sessionOf(recording)
    if (!session) return
    await this.#watch.spare(session.key)
    this.#sessions.delete(session.key)
    await session.close()
  }

  /** The farm has other bytes under this id: its desktop goes on in a new recording. */
  async fork(recording: string): Promise<void> {
    const { spool, log } = this.#options
    const session = this.#sessionOf(recording)
    if (session) {
      // Not begun anew meanwhile.
      this.#watch.pass(session.key, true)
      this.#sessions.delete(session.key)
      await session.close()
    }
    await spool.setAside(recording, 'forked')
    log.error({ code: 'fork', recording }, 'the farm has other bytes under this id; it is put aside')
    if (!session || this.#closed) return
    const { facts } = session.cast.record.session
    const next = { ...facts, sequence: facts.sequence + 1, startedMs: Date.now(), columns: 0, rows: 0 }
    await this.#create(session.desktop, session.key, next)
    this.#watch.pass(session.key, false)
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#watch.close()
    await Promise.all(this.live.map((session) => session.close()))
    await Promise.all(this.#endings)
  }

  // What an earlier agent was recording goes on where the X server is the same, and ends where it is not.
  async #resume(desktops: readonly LocalDesktop[]): Promise<void> {
    const byKey = new Map(desktops.map((desktop) => [keyOf(desktop), desktop]))
    const { spool } = this.#options
    for (const cast of spool.streams) {
      // A crash came between the making of the two.
      if (cast.record.stream === 'rfb' && cast.files.length === 0 && !spool.get(cast.recording))
        await spool.remove(cast)
      const { folder, session, stream, endSize } = cast.record
      if (session.facts.type !== 'desktop' || stream !== 'cast' || endSize !== undefined) continue
      const name = decodeURIComponent(folder)
      const process: ProcessName | undefined = session.pid > 0 ? session : undefined
      const before = { name, ...(process && { process }), named: true, program: '', command: '' }
      const key = keyOf(before)
      const now = byKey.get(key)
      const recorded = this.#record(now ?? before, key, cast)
      if (!now && !(process && !processAlive(process))) void recorded.stop()
    }
  }

  async #create(desktop: LocalDesktop, key: string, facts: Facts): Promise<void> {
    const { spool, identity, log } = this.#options
    const { pid, ticks, boot } = desktop.process ?? { pid: 0, ticks: '0', boot: '' }
    const recording = makeRecordingId(facts.startedMs, randomBytes(10))
    const record = {
      version: 1,
      recording,
      agent: identity.agent,
      folder: encodeURIComponent(desktop.name),
      session: { facts, pid, ticks, boot },
      sentFrom: -1,
    } as const
    // The screen first: a timeline without one has a screen that is finished.
    await spool.create({ ...record, stream: 'rfb' })
    const cast = await spool.create({ ...record, stream: 'cast' })
    log.info({ code: 'desktop', desktop: desktop.name, user: facts.user, recording }, 'a desktop is recorded')
    this.#record(desktop, key, cast)
  }

  #record(desktop: LocalDesktop, key: string, cast: SpooledStream): DesktopSession {
    const { spool, identity, crypto, log, settings, onDurable } = this.#options
    const { signer, certificate } = signingAs(identity, cast.record.agent)
    const screen = spool.get(cast.recording, 'rfb')
    const streams = spool.streamsOf(cast.recording)
    for (const spooled of streams) spooled.onDurable(() => onDurable(spooled))
    const session = new DesktopSession({
      key,
      desktop,
      cast,
      ...(screen && { screen }),
      ...(settings.lossy && { lossy: settings.lossy }),
      source: this.#sourceOf(desktop),
      signer,
      certificate,
      crypto,
      log,
    })
    this.#sessions.set(key, session)
    const ending = session
      .run()
      .then((failure) => this.#ended(session, failure))
      .catch((error: Error) =>
        log.error(
          { code: 'desktops', desktop: desktop.name, error: error.message },
          'a desktop is left behind',
        ),
      )
      .finally(() => this.#endings.delete(ending))
    this.#endings.add(ending)
    return session
  }

  async #ended(session: DesktopSession, failure: Error | undefined): Promise<void> {
    const { spool, log, onDurable } = this.#options
    const { key, desktop, cast } = session
    if (this.#closed || this.#sessions.get(key) !== session) return
    if (failure) {
      const { code, message: error, hint } = failure as DesktopError
      log.warn({ code, desktop: desktop.name, error, hint }, 'a desktop is not recorded')
      this.#watch.later(key)
    }
    this.#sessions.delete(key)
    const streams = spool.streamsOf(cast.recording)
    if (session.isEmpty) for (const spooled of streams) await spool.remove(spooled)
    else for (const spooled of streams) onDurable(spooled)
  }

  #sourceOf({ name, rfb, x }: LocalDesktop): ScreenSource {
    if (!rfb && !x)
      return {
        open: () => Promise.reject(new DesktopError('unreachable', `${name} is not there any more.`)),
        close: async () => undefined,
      }
    const dir = join(this.#xFolder, x?.display.slice(1) ?? 'none')
    const runAs = process.getuid!() === 0 ? nobody : undefined
    return desktopSource({ display: '', ...x, dir, ...(rfb && { rfb }), ...(runAs && { runAs }) })
  }

  #sessionOf(recording: string): DesktopSession | undefined {
    return this.live.find(({ cast }) => cast.recording === recording)
  }
}
