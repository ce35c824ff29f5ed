import { watch } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeFolder } from '../../disk/folder.ts'
import type { Facts } from '../../format/records.ts'
import type { UnrecordedLogin } from '../../wire/messages.ts'
import { Alarm } from '../capture/alarm.ts'
import { nameProcess } from '../capture/process-name.ts'
import type { AgentLog } from '../log.ts'
import type { Sessions } from '../sessions.ts'
import type { Decision, Uplink } from '../uplink/uplink.ts'
import { accountsInScope } from './accounts.ts'
import { Coverage, type CoverageCounts } from './coverage.ts'
import { DecisionDesk } from './decision-desk.ts'
import { hostPaths } from './host-paths.ts'
import { parseHostConf } from './host-settings.ts'
import { contentOf } from './undo-list.ts'
import { type Login, loginPaths, openLogins } from './utmp.ts'

// What the agent of a whole host does beside recording: answers recorders, and looks for logins that have none.

/** How often logins are compared with recordings. */
const coverageMs = 10_000
/** Logins come in bursts, and each look asks the name service who is to be recorded. */
const looksApartMs = 1_000

export interface HostPart {
  readonly coverage: CoverageCounts
  /** What is to be recorded of a desktop; `undefined` when nobody can tell. */
  decide(facts: Facts): Promise<Decision | undefined>
  close(): Promise<void>
}

/** Where recorders that run as root put sessions. */
export async function makeHostFolders(): Promise<string> {
  await makeFolder(hostPaths.run, 0o755)
  const runFolder = join(hostPaths.run, 'run')
  await makeFolder(runFolder, 0o711)
  await makeFolder(join(hostPaths.run, 'ttys'), 0o700)
  return runFolder
}

export async function startHostPart(options: {
  home: string
  uplink: Uplink
  sessions: Sessions
  log: AgentLog
}): Promise<HostPart> {
  const { home, uplink, sessions, log } = options
  const desk = new DecisionDesk({
    run: hostPaths.run,
    home,
    decide: (facts, waitMs) => uplink.decide(facts, waitMs),
    log,
  })
  await desk.start()
  // From now on recorders ask.
  const pidFile = join(hostPaths.run, 'agent.pid')
  await writeFile(pidFile, `${process.pid} ${nameProcess(process.pid)!.ticks}\n`, { mode: 0o644 })
  const coverage = new Coverage({
    scope: async () => {
      const conf = await contentOf(hostPaths.hostConf)
      return new Set(
        conf === undefined ? [] : (await accountsInScope(parseHostConf(conf))).map(({ name }) => name),
      )
    },
    logins: openLogins(),
    covered: () => [
      ...desk.spared,
      ...sessions.recent.map(({ facts, tty = '' }) => ({
        user: facts.user,
        line: tty.replace(/^\/dev\//, ''),
        startedMs: facts.startedMs,
      })),
    ],
    unrecorded: ({ user, line, from }) =>
      log.error({ code: 'unrecorded-login', user, line, from }, 'a login is not recorded'),
    changed: (unrecorded) => uplink.setUnrecorded(unrecorded.map(told)),
  })
  const looks = startLooks((nowMs) => coverage.look(nowMs), log)
  return {
    get coverage() {
      return coverage.counts
    },
    decide: (facts) => desk.decide(facts),
    async close() {
      looks.close()
      await rm(pidFile, { force: true })
      await desk.close()
    },
  }
}

/** Looks now and then, and at once when somebody logs in or out: a login may be over before the next look. */
function startLooks(look: (nowMs: number) => Promise<void>, log: AgentLog): { close(): void } {
  const alarm = new Alarm()
  const watchers = loginPaths.flatMap((path) => {
    try {
      return [watch(path, () => alarm.ring()).on('error', () => undefined)]
    } catch {
      return []
    }
  })
  let closed = false
  const run = async () => {
    while (!closed) {
      await look(Date.now()).catch((error: Error) =>
        log.warn({ code: 'coverage', error: error.message }, 'logins cannot be compared with recordings'),
      )
      await sleep(looksApartMs, undefined, { ref: false })
      await alarm.wait(coverageMs)
    }
  }
  void run()
  return {
    close() {
      closed = true
      for (const watcher of watchers) watcher.close()
      alarm.ring()
    },
  }
}

/** As a node takes it: names of the system are short, and have no control characters. */
function told({ user, line, from, sinceMs }: Login): UnrecordedLogin {
  const text = (value: string, length: number) => value.slice(0, length).replace(/\p{Cc}/gu, '\ufffd')
  return { user: text(user, 64), line: text(line, 32), from: text(from, 64), sinceMs }
}
