import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { hasX0vncserver } from '../capture/desktop/x-display-source.ts'
import { loadAgentConfig } from '../config.ts'
import { accountsInScope, barrierOf, hasLogin, listAccounts } from './accounts.ts'
import { hostPaths } from './host-paths.ts'
import type { HostSettings } from './host-settings.ts'
import { effectiveSshd } from './sshd.ts'
import { contentOf } from './undo-list.ts'

// What a recorded user can still do that no recording shows. None of it is closed silently: it is the operator's choice.

export interface WayAround {
  code: string
  /** Whom it is open to. */
  users: string[]
  text: string
  hint: string
}

const otherLogins = [
  { path: '/usr/sbin/in.telnetd', name: 'telnetd' },
  { path: '/usr/sbin/telnetd', name: 'telnetd' },
  { path: '/usr/sbin/in.rshd', name: 'rshd' },
  { path: '/usr/sbin/xrdp', name: 'xrdp' },
  { path: '/usr/bin/cockpit-bridge', name: 'cockpit' },
]

export async function waysAround(settings: HostSettings): Promise<WayAround[]> {
  const scope = await accountsInScope(settings)
  const names = scope.map(({ name }) => name)
  const found: WayAround[] = []
  const add = (code: string, users: string[], text: string, hint: string) => {
    if (users.length > 0) found.push({ code, users, text, hint })
  }
  const ordinary = scope.filter(({ uid }) => uid !== 0).map(({ name }) => name)
  add(
    'force-command',
    scope.filter((account) => barrierOf(account, settings) === 'force-command').map(({ name }) => name),
    'sshd alone sends them to the recorder: their own shell runs its files first, and su and the console know nothing of it.',
    'Give them a local account, or trust them.',
  )
  add(
    'cron',
    await mayUse('cron', '/usr/bin/crontab', ordinary),
    'Jobs of cron run unrecorded.',
    'Name who may in /etc/cron.allow.',
  )
  add(
    'at',
    await mayUse('at', '/usr/bin/at', ordinary),
    'Jobs of at and batch run unrecorded.',
    'Name who may in /etc/at.allow.',
  )
  const lingering = await readdir('/var/lib/systemd/linger').catch((): string[] => [])
  add(
    'linger',
    ordinary.filter((name) => lingering.includes(name)),
    'Their systemd services run without a login, and so unrecorded.',
    'loginctl disable-linger USER',
  )
  await addSshd(add, ordinary)
  add(
    'mosh',
    existsSync('/usr/bin/mosh-server') ? ordinary : [],
    'A login by mosh is recorded, but who starts mosh-server by hand has a terminal over the network that nobody records.',
    'Remove mosh, or let no UDP ports 60000 to 61000 in.',
  )
  const desktops = await recordsDesktops()
  for (const { path, name } of otherLogins)
    if (existsSync(path) && !(name === 'xrdp' && desktops))
      add(
        'other-login',
        names,
        `${name} is installed; what comes by it is recorded only if it starts login or su.`,
        `Remove ${name}, or keep recorded users from it.`,
      )
  const spared = (await listAccounts()).filter(
    (account) =>
      hasLogin(account) &&
      (account.uid >= 1000 || account.uid === 0) &&
      !names.includes(account.name) &&
      account.uid !== 65_534,
  )
  add(
    'not-recorded',
    spared.map(({ name }) => name),
    'They can log in and are not recorded.',
    'Name them with `tapedeck host enable`, if they should be.',
  )
  return found
}

// An xrdp session is an X display: it has no login of its own, and what it shows is recorded.
async function recordsDesktops(): Promise<boolean> {
  const config = await loadAgentConfig(hostPaths.agentHome).catch(() => undefined)
  return config?.desktops.find === true && hasX0vncserver()
}

type Add = (code: string, users: string[], text: string, hint: string) => void

async function addSshd(add: Add, users: string[]): Promise<void> {
  const of = new Map<string, string[]>()
  const note = (code: string, user: string) => of.set(code, [...(of.get(code) ?? []), user])
  for (const user of users) {
    const sshd = await effectiveSshd(user)
    if (sshd.size === 0) continue
    if (sshd.get('permituserrc') === 'yes') note('user-rc', user)
    if (sshd.get('permituserenvironment') !== 'no') note('user-environment', user)
    if (sshd.get('allowtcpforwarding') !== 'no' || sshd.get('allowstreamlocalforwarding') !== 'no')
      note('forwarding', user)
    if (sshd.get('x11forwarding') === 'yes') note('x11', user)
    if (
      sshd.get('forcecommand')?.includes('internal-sftp') ||
      sshd.get('subsystem')?.includes('internal-sftp')
    )
      note('internal-sftp', user)
    if (/(^|\s)(\*|LD_)/.test(sshd.get('acceptenv') ?? '')) note('accept-env', user)
  }
  const has = (code: string, text: string, hint: string) => add(code, of.get(code) ?? [], text, hint)
  has('user-rc', 'A Match block lets ~/.ssh/rc run before the recorder.', 'Take PermitUserRC out of it.')
  has(
    'user-environment',
    'A Match block lets ~/.ssh/environment name libraries for the recorder’s first step.',
    'Take PermitUserEnvironment out of it.',
  )
  has(
    'accept-env',
    'sshd takes any variable from the client, also those that name libraries.',
    'Name the variables in AcceptEnv.',
  )
  has(
    'forwarding',
    'What goes through forwarded ports and sockets is not recorded, a shell that a user left listening too.',
    'AllowTcpForwarding no, AllowStreamLocalForwarding no',
  )
  has('x11', 'Windows shown by X11 forwarding are not recorded, terminals in them too.', 'X11Forwarding no')
  has('internal-sftp', 'sftp within sshd is not recorded.', 'Let Subsystem or ForceCommand name sftp-server.')
}

// crontab(1), at(1): an allow file names everybody who may; else a deny file who may not; else all may.
async function mayUse(what: 'cron' | 'at', program: string, users: string[]): Promise<string[]> {
  if (!existsSync(program)) return []
  const list = async (path: string) => (await contentOf(path))?.split('\n').map((line) => line.trim())
  const allowed = await list(`/etc/${what}.allow`)
  if (allowed) return users.filter((name) => allowed.includes(name))
  const denied = await list(`/etc/${what}.deny`)
  return users.filter((name) => !denied?.includes(name))
}

/** Whether session logs in memory could be written to a swap disk. */
export async function swapsLogs(): Promise<boolean> {
  const swaps = await readFile('/proc/swaps', 'utf8').catch(() => '')
  const conf = (await contentOf('/etc/tapedeck/host.conf')) ?? ''
  return swaps.trim().split('\n').length > 1 && !/^tmpfsOptions=.*noswap/m.test(conf)
}
