import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { accountsInScope, type Barrier, barrierOf, parseShells, realShell } from './accounts.ts'
import { scriptNames } from './enable.ts'
import { hostPaths, loginShell } from './host-paths.ts'
import { type HostSettings, parseHostConf } from './host-settings.ts'
import { effectiveSshd } from './sshd.ts'
import { sudoRule } from './sudo-rule.ts'
import { contentOf } from './undo-list.ts'

export interface HostStatus {
  enabled: boolean
  settings?: HostSettings
  accounts: { name: string; shell: string; barrier: Barrier; recorded: boolean; why?: string }[]
  /** What keeps the host from being as `enable` left it. */
  problems: string[]
}

/** What is recorded on this host, and what is not as it should be. */
export async function hostStatus(): Promise<HostStatus> {
  const conf = await contentOf(hostPaths.hostConf)
  if (conf === undefined) return { enabled: false, accounts: [], problems: [] }
  const settings = parseHostConf(conf)
  const shells = parseShells((await contentOf(hostPaths.shells)) ?? '')
  const problems: string[] = []
  for (const name of scriptNames) {
    const ours = await readFile(join(import.meta.dirname, '../capture/host', `${name}.sh`), 'utf8')
    if ((await contentOf(join(hostPaths.lib, name))) !== ours)
      problems.push(`${hostPaths.lib}/${name} is not the one of this version: run 'tapedeck host sync'.`)
  }
  if ((await contentOf(hostPaths.sudoers)) !== sudoRule)
    problems.push(`${hostPaths.sudoers} was changed: run 'tapedeck host sync'.`)
  const scope = await accountsInScope(settings).catch((error: Error) => {
    problems.push(error.message)
    return []
  })
  const accounts: HostStatus['accounts'] = []
  for (const account of scope) {
    const barrier = barrierOf(account, settings)
    const why = await whyNot(account.name, account.shell, barrier)
    accounts.push({
      name: account.name,
      shell: realShell(account, shells),
      barrier,
      recorded: why === undefined,
      ...(why !== undefined && { why }),
    })
  }
  return { enabled: true, settings, accounts, problems }
}

async function whyNot(name: string, shell: string, barrier: Barrier): Promise<string | undefined> {
  if (barrier === 'shell')
    return shell === loginShell ? undefined : "its login shell is another: run 'tapedeck host sync'"
  const sshd = await effectiveSshd(name)
  return sshd.get('forcecommand')?.includes(hostPaths.lib)
    ? undefined
    : 'sshd does not send it to the recorder'
}
