import { readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder } from '../../disk/folder.ts'
import type { AgentLog } from '../log.ts'
import type { Sessions } from '../sessions.ts'
import type { Uplink } from '../uplink/uplink.ts'
import { accountsInScope } from './accounts.ts'
import { Coverage, type CoverageCounts } from './coverage.ts'
import { DecisionDesk } from './decision-desk.ts'
import { hostPaths } from './host-paths.ts'
import { parseHostConf } from './host-settings.ts'
import { contentOf } from './undo-list.ts'
import { readLogins } from './utmp.ts'

// What the agent of a whole host does beside recording: answers recorders, and looks for logins that have none.

/** How often logins are compared with recordings. */
const coverageMs = 10_000

export interface HostPart {
  readonly coverage: CoverageCounts
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
  await writeFile(pidFile, `${process.pid} ${startTicks()}\n`, { mode: 0o644 })
  const coverage = new Coverage({
    scope: async () => {
      const conf = await contentOf(hostPaths.hostConf)
      return new Set(
        conf === undefined ? [] : (await accountsInScope(parseHostConf(conf))).map(({ name }) => name),
      )
    },
    logins: readLogins,
    covered: () => [
      ...desk.spared,
      ...sessions.live.map(({ spooled }) => {
        const { facts, tty = '' } = spooled.record.session
        return { user: facts.user, line: tty.replace(/^\/dev\//, '') }
      }),
    ],
    unrecorded: ({ user, line, from }) =>
      log.error({ code: 'unrecorded-login', user, line, from }, 'a login is not recorded'),
  })
  const timer = setInterval(() => {
    coverage
      .look(Date.now())
      .catch((error: Error) =>
        log.warn({ code: 'coverage', error: error.message }, 'logins cannot be compared with recordings'),
      )
  }, coverageMs)
  return {
    get coverage() {
      return coverage.counts
    },
    async close() {
      clearInterval(timer)
      await rm(pidFile, { force: true })
      await desk.close()
    },
  }
}

/** When this process started, as proc(5) has it: with the pid it names the process for good. */
function startTicks(): string {
  const stat = readFileSync('/proc/self/stat', 'utf8')
  return stat.slice(stat.lastIndexOf(') ') + 2).split(' ')[19]!
}
