import { constants, type FSWatcher, watch } from 'node:fs'
import { open, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { replaceFile } from '../../disk/atomic-replace.ts'
import { makeFolder } from '../../disk/folder.ts'
import type { Facts } from '../../format/records.ts'
import { readAsk } from '../capture/session-file.ts'
import type { AgentLog } from '../log.ts'
import type { Decision } from '../uplink/uplink.ts'
import type { Covered } from './coverage.ts'

// Where recorders ask what to do with the session they are about to record, and wait, at most 2 s. The farm is asked; if it
// does not answer in time, what it said last about this user holds; else the recorder is told nothing and does what its
// own settings say.
//
//   run/asks/<session>           facts, of which the boot's is the last
//   run/run/<session>/decision   a fifo the recorder reads one line from: SCREEN [notify|silent], or an empty line

/** Of the recorder's 2 s, so that the cached decision still reaches it. */
const farmMsMax = 1500
/** The watch tells at once; this is for one that was lost. */
const lookMs = 1000
/** A recorder that is not at its fifo by then has given up. */
const readerMsMax = 2500
/** Users remembered; a host has fewer. */
const cachedMax = 10_000
const sessionPattern = /^[0-9a-f-]{36}$/

export interface DecisionDeskOptions {
  /** /run/tapedeck. */
  run: string
  /** The agent's folder, for what was decided last. */
  home: string
  decide(facts: Facts, waitMs: number): Promise<Decision | undefined>
  log: AgentLog
}

export class DecisionDesk {
  readonly #options: DecisionDeskOptions
  readonly #asks: string
  readonly #cache = new Map<string, Decision>()
  /** Sessions that were decided not to be recorded, by their terminal. */
  readonly #spared = new Map<string, Covered>()
  readonly #busy = new Set<string>()
  #watcher: FSWatcher | undefined
  #timer: NodeJS.Timeout | undefined
  #saving: Promise<void> = Promise.resolve()
  #closed = false

  constructor(options: DecisionDeskOptions) {
    this.#options = options
    this.#asks = join(options.run, 'asks')
  }

  get spared(): Covered[] {
    return [...this.#spared.values()]
  }

  async start(): Promise<void> {
    await makeFolder(this.#asks, 0o700)
    const text = await readFile(join(this.#options.home, 'decisions.json'), 'utf8').catch(() => '{}')
    for (const [user, decision] of Object.entries(JSON.parse(text) as Record<string, Decision>))
      this.#cache.set(user, decision)
    const spared = await readFile(this.#sparedFile, 'utf8').catch(() => '[]')
    for (const one of JSON.parse(spared) as Covered[]) this.#spared.set(one.line, one)
    this.#watcher = watch(this.#asks, () => void this.#look())
    this.#watcher.on('error', () => undefined)
    this.#timer = setInterval(() => void this.#look(), lookMs)
    await this.#look()
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#timer)
    this.#watcher?.close()
    await this.#saving
  }

  async #look(): Promise<void> {
    const names = await readdir(this.#asks).catch(() => [])
    for (const name of names) {
      if (this.#closed || this.#busy.has(name) || !sessionPattern.test(name)) continue
      this.#busy.add(name)
      void this.#answer(name)
        .catch((error: Error) =>
          this.#options.log.error({ code: 'decide', session: name, error: error.message }, 'no decision'),
        )
        .finally(() => this.#busy.delete(name))
    }
  }

  async #answer(session: string): Promise<void> {
    const dir = join(this.#options.run, 'run', session)
    const text = await this.#ask(session)
    if (text === undefined) return
    const { facts, tty } = await readAsk(dir, text)
    const decision = await this.decide(facts)
    if (tty !== '') {
      const line = tty.replace(/^\/dev\//, '')
      const before = this.#spared.delete(line)
      if (decision?.screen === 'none')
        this.#spared.set(line, { user: facts.user, line, startedMs: facts.startedMs })
      if (before || decision?.screen === 'none') this.#save(this.#sparedFile, [...this.#spared.values()])
    }
    const said = decision ? `${decision.screen} ${decision.notify ? 'notify' : 'silent'}\n` : '\n'
    const told = await tell(join(dir, 'decision'), said)
    await rm(join(this.#asks, session), { force: true })
    const { user, application } = facts
    this.#options.log.info(
      { code: 'decided', session, user, application, told, ...decision },
      'a session was decided on',
    )
  }

  /** The facts, once they are whole; `undefined` when they never are. */
  async #ask(session: string): Promise<string | undefined> {
    for (const until = Date.now() + readerMsMax; Date.now() < until; await sleep(1)) {
      const text = await readFile(join(this.#asks, session), 'utf8')
      if (/^boot=.*\n$/m.test(text)) return text
    }
    await rm(join(this.#asks, session), { force: true })
    return undefined
  }

  /** What the farm says, or said last about this user. */
  async decide(facts: Facts): Promise<Decision | undefined> {
    const decision = await this.#options.decide(facts, farmMsMax)
    if (!decision) return this.#cache.get(facts.user)
    const before = this.#cache.get(facts.user)
    if (before?.screen !== decision.screen || before.notify !== decision.notify) {
      this.#cache.delete(facts.user)
      if (this.#cache.size >= cachedMax) this.#cache.delete(this.#cache.keys().next().value!)
      this.#cache.set(facts.user, decision)
      this.#save(join(this.#options.home, 'decisions.json'), Object.fromEntries(this.#cache))
    }
    return decision
  }

  // Terminals are those of this boot, and so is the file.
  get #sparedFile(): string {
    return join(this.#options.run, 'spared.json')
  }

  #save(path: string, value: unknown): void {
    const text = JSON.stringify(value)
    this.#saving = this.#saving.then(() =>
      replaceFile(path, text).catch((error: Error) =>
        this.#options.log.warn({ code: 'decisions', path, error: error.message }, 'decisions are not kept'),
      ),
    )
  }
}

/** Writes a line to a fifo that somebody reads, or is about to; false when nobody came. */
async function tell(path: string, line: string): Promise<boolean> {
  const until = Date.now() + readerMsMax
  while (true) {
    try {
      const fifo = await open(path, constants.O_WRONLY | constants.O_NONBLOCK)
      try {
        await fifo.write(line)
      } finally {
        await fifo.close()
      }
      return true
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      // Nobody reads yet.
      if (code !== 'ENXIO') return false
      if (Date.now() > until) return false
      await sleep(1)
    }
  }
}
