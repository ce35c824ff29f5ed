import { type FSWatcher, watch } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Facts } from '../../../format/records.ts'
import type { AgentLog } from '../../log.ts'
import { Alarm } from '../alarm.ts'
import { answers } from './answers.ts'
import { desktopFacts } from './desktop-facts.ts'
import { type DesktopOwner, ownerOf } from './desktop-owner.ts'
import type { DesktopSession } from './desktop-session.ts'
import type { DesktopSettings } from './desktop-settings.ts'
import { keyOf, type LocalDesktop, listDesktops } from './local-desktops.ts'
import { SparedDesktops } from './spared-desktops.ts'

// Finds desktops, and decides which of them are recorded.
//
//   seen ── wanted, reachable ──▶ found
//    └─ policy, discarded ──▶ passed over until its X server ends

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

export interface DesktopWatchOptions {
  settings: DesktopSettings
  /** For what must be known after a restart. */
  home: string
  log: AgentLog
  /** Sessions by the keys of their desktops. */
  recorded: ReadonlyMap<string, DesktopSession>
  /** Whose desktops are recorded where they are found. */
  covers(owner: DesktopOwner): Promise<boolean>
  /** What the policy says of one that is about to be recorded. */
  decide(facts: Facts, signal: AbortSignal): Promise<boolean>
  found(desktop: LocalDesktop, key: string, facts: Facts): Promise<void>
}

export class DesktopWatch {
  readonly #options: DesktopWatchOptions
  readonly #notBeforeMs = new Map<string, number>()
  readonly #alarm = new Alarm()
  readonly #spared: SparedDesktops
  /** By the policy, or not covered: asked again by the next agent. */
  #passed = new Set<string>()
  #watcher: FSWatcher | undefined
  #running: Promise<void> | undefined
  #told = ''
  readonly #closing = new AbortController()

  constructor(options: DesktopWatchOptions) {
    this.#options = options
    this.#spared = new SparedDesktops(options.home)
  }

  /** Reads what an earlier agent was told of; before anything else. */
  async load(): Promise<void> {
    await this.#spared.load()
  }

  start(): void {
    this.#running = this.#run()
  }

  /** It goes on unrecorded, also under the next agent. */
  async spare(key: string): Promise<void> {
    await this.#spared.add(key)
  }

  /** Whether it is passed over, until the opposite is said or its X server ends. */
  pass(key: string, passed: boolean): void {
    if (passed) this.#passed.add(key)
    else this.#passed.delete(key)
  }

  /** It cannot be recorded: it is tried again later. */
  later(key: string): void {
    this.#notBeforeMs.set(key, performance.now() + againMs)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#watcher?.close()
    this.#alarm.ring()
    await this.#running
  }

  get #closed(): boolean {
    return this.#closing.signal.aborted
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
    const { settings, recorded } = this.#options
    const keys = new Set<string>()
    for (const desktop of await listDesktops(settings)) {
      if (this.#closed) return
      const key = keyOf(desktop)
      if (!(await answers(desktop))) continue
      keys.add(key)
      const waits = (this.#notBeforeMs.get(key) ?? 0) > performance.now()
      if (recorded.has(key) || this.#passed.has(key) || this.#spared.has(key) || waits) continue
      await this.#seen(desktop, key)
    }
    this.#passed = this.#passed.intersection(keys)
    for (const key of this.#notBeforeMs.keys()) if (!keys.has(key)) this.#notBeforeMs.delete(key)
    await this.#spared.keep(keys)
  }

  async #seen(desktop: LocalDesktop, key: string): Promise<void> {
    const { covers, decide, found, log, recorded } = this.#options
    const owner = await ownerOf(desktop)
    if (!desktop.named && !(await covers(owner))) {
      this.#passed.add(key)
      return
    }
    const same = [...recorded.values()].filter(({ cast }) => cast.record.session.facts.uid === owner.uid)
    if (same.length >= perUserMax || recorded.size >= desktopsMax) {
      log.error(
        { code: 'desktops-max', desktop: desktop.name, user: owner.user, perUserMax, desktopsMax },
        'a desktop is not recorded: there are too many',
      )
      this.later(key)
      return
    }
    const facts = desktopFacts(desktop, owner)
    const wanted = await decide(facts, this.#closing.signal)
    if (this.#closed) return
    if (wanted) await found(desktop, key, facts)
    else this.#passed.add(key)
  }
}
