import { randomBytes, randomUUID } from 'node:crypto'
import { type FSWatcher, watch } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Crypto } from '../format/ports.ts'
import { makeRecordingId } from '../format/recording-id.ts'
import type { Facts } from '../format/records.ts'
import { Alarm } from './capture/alarm.ts'
import { answers } from './capture/desktop/answers.ts'
import { DesktopError } from './capture/desktop/desktop-error.ts'
import { type DesktopOwner, ownerOf } from './capture/desktop/desktop-owner.ts'
import { DesktopSession } from './capture/desktop/desktop-session.ts'
import type { DesktopSettings } from './capture/desktop/desktop-settings.ts'
import { desktopSource } from './capture/desktop/desktop-source.ts'
import { keyOf, type LocalDesktop, listDesktops } from './capture/desktop/local-desktops.ts'
import type { ScreenSource } from './capture/desktop/screen-source.ts'
import { SparedDesktops } from './capture/desktop/spared-desktops.ts'
import { makeXFolder } from './capture/desktop/x-folder.ts'
import { type ProcessName, processAlive } from './capture/process-name.ts'
import { cutFacts, nameOf } from './capture/session-file.ts'
import { type AgentIdentity, signingAs } from './identity.ts'
import type { AgentLog } from './log.ts'
import type { Spool } from './queue/spool.ts'
import type { SpooledStream } from './queue/spooled-stream.ts'

// Finds desktops, and those an earlier agent was recording, and keeps one session for each.
//
//   seen ── wanted, reachable ──▶ recorded ── its X server ends ──▶ ended
//    └─ policy, discarded ──▶ spared until its X server ends

/** X servers make their sockets here, which tells at once; the rest is for what does not show there. */
const socketFolder = '/tmp/.X11-unix'
const lookMs = 10_000
/** A server makes its socket before it is ready. */
const readyMs = 500
/** A server that answers and cannot be recorded is tried again after this. */
const againMs = 60_000
/** Each costs some 80 MB here: a user may start as many X servers as he likes. */
const perUserMax = 8
const desktopsMax = 32
const nobody = { uid: 65_534, gid: 65_534 }

export interface DesktopsOptions {
  settings: DesktopSettings
  /** Of a whole host: its folder in /run. */
  hostRun?: string
  /** For what must be known after a restart. */
  home: string
  spool: Spool
  identity: AgentIdentity
  crypto: Crypto
  log: AgentLog
  /** More of a stream can be sent. */
  onDurable(spooled: SpooledStream): void
  /** Whose desktops are recorded where they are found. */
  covers(owner: DesktopOwner): Promise<boolean>
  /** What the policy says of one that is about to be recorded. */
  decide(facts: Facts, signal: AbortSignal): Promise<boolean>
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
  readonly #notBeforeMs = new Map<string, number>()
  readonly #alarm = new Alarm()
  readonly #spared: SparedDesktops
  /** By the policy, or not covered: asked again by the next agent. */
  #passed = new Set<string>()
  readonly #endings = new Set<Promise<void>>()
  #watcher: FSWatcher | undefined
  #running: Promise<void> | undefined
  #told = ''
  /** Where our x0vncservers have their sockets. */
  #xFolder = ''
  readonly #closing = new AbortController()

  constructor(options: DesktopsOptions) {
    this.#options = options
    this.#spared = new SparedDesktops(options.home)
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
    await this.#spared.load()
    await this.#resume(await listDesktops(settings))
    if (wanted) this.#running = this.#run()
  }

  setWatched(spooled: SpooledStream, watched: boolean): void {
    this.#sessionOf(spooled.recording)?.setWatched(spooled.record.stream, watched)
  }

  /** The recording is not wanted: its desktop goes on unrecorded. */
  async discard(recording: string): Promise<void> {
    const session = this.#sessionOf(recording)
    if (!session) return
    await this.#spared.add(session.key)
    this.#sessions.delete(session.key)
    await session.close()
  }

  /** The farm has other bytes under this id: its desktop goes on in a new recording. */
  async fork(recording: string): Promise<void> {
    const { spool, log } = this.#options
    const session = this.#sessionOf(recording)
    if (session) {
      // Not begun anew meanwhile.
      this.#passed.add(session.key)
      this.#sessions.delete(session.key)
      await session.close()
    }
    await spool.setAside(recording, 'forked')
    log.error({ code: 'fork', recording }, 'the farm has other bytes under this id; it is put aside')
    if (!session || this.#closed) return
    const { facts } = session.cast.record.session
    const next = { ...facts, sequence: facts.sequence + 1, startedMs: Date.now(), columns: 0, rows: 0 }
    await this.#create(session.desktop, session.key, next)
    this.#passed.delete(session.key)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#watcher?.close()
    this.#alarm.ring()
    await this.#running
    await Promise.all(this.live.map((session) => session.close()))
    await Promise.all(this.#endings)
  }

  get #closed(): boolean {
    return this.#closing.signal.aborted
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

  async #run(): Promise<void> {
    try {
      this.#watcher = watch(socketFolder, () => this.#alarm.ring()).on('error', () => undefined)
    } catch {
      // No X server has ever run here: the first one is found a little later.
    }
    while (!this.#closed) {
      const error = await this.#look().then(
        () => '',
        (failure: Error) => failure.message,
      )
      if (error !== '' && error !== this.#told)
        this.#options.log.error({ code: 'desktops', error }, 'desktops cannot be looked for')
      this.#told = error
      await this.#alarm.wait(lookMs)
      if (!this.#closed) await sleep(readyMs)
    }
  }

  async #look(): Promise<void> {
    const desktops = await listDesktops(this.#options.settings)
    const keys = new Set<string>()
    for (const desktop of desktops) {
      if (this.#closed) return
      const key = keyOf(desktop)
      if (!(await answers(desktop))) continue
      keys.add(key)
      const waits = (this.#notBeforeMs.get(key) ?? 0) > performance.now()
      if (this.#sessions.has(key) || this.#passed.has(key) || this.#spared.has(key) || waits) continue
      await this.#begin(desktop, key)
    }
    this.#passed = this.#passed.intersection(keys)
    for (const key of this.#notBeforeMs.keys()) if (!keys.has(key)) this.#notBeforeMs.delete(key)
    await this.#spared.keep(keys)
  }

  async #begin(desktop: LocalDesktop, key: string): Promise<void> {
    const { covers, decide, log } = this.#options
    const owner = await ownerOf(desktop)
    if (!desktop.named && !(await covers(owner))) {
      this.#passed.add(key)
      return
    }
    const same = this.live.filter(({ cast }) => cast.record.session.facts.uid === owner.uid)
    if (same.length >= perUserMax || this.#sessions.size >= desktopsMax) {
      log.error(
        { code: 'desktops-max', desktop: desktop.name, user: owner.user, perUserMax, desktopsMax },
        'a desktop is not recorded: there are too many',
      )
      this.#notBeforeMs.set(key, performance.now() + againMs)
      return
    }
    const facts = factsOf(desktop, owner)
    const wanted = await decide(facts, this.#closing.signal)
    if (this.#closed) return
    if (wanted) await this.#create(desktop, key, facts)
    else this.#passed.add(key)
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
      this.#notBeforeMs.set(key, performance.now() + againMs)
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

function factsOf({ name, program, command }: LocalDesktop, owner: DesktopOwner): Facts {
  return cutFacts({
    session: randomUUID(),
    sequence: 0,
    user: nameOf(owner.user),
    uid: owner.uid,
    groups: owner.groups.slice(0, 32).map(nameOf),
    host: hostname(),
    application: nameOf(`${program} ${name}`),
    command: command.slice(0, 1024).toWellFormed(),
    client: { name: '', address: '' },
    type: 'desktop',
    startedMs: Date.now(),
    term: '',
    columns: 0,
    rows: 0,
    notified: false,
  })
}
