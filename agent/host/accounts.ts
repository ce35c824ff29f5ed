import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { HostError, loginShell } from './host-paths.ts'
import type { HostSettings } from './host-settings.ts'

const run = promisify(execFile)

// Who can log in here, as the name service says; only accounts in /etc/passwd can be given another shell.

export interface Account {
  name: string
  uid: number
  gid: number
  home: string
  shell: string
  /** In /etc/passwd itself. */
  local: boolean
}

/** login.defs: ordinary users begin here. `nobody` has the other end. */
const uidMin = 1000
const uidNobody = 65_534
const noLogin = /(^|\/)(nologin|false|sync|halt|shutdown)$/

export function isOrdinary(uid: number): boolean {
  return uid >= uidMin && uid !== uidNobody
}

export function hasLogin({ shell }: Account): boolean {
  return shell !== '' && !noLogin.test(shell)
}

export async function listAccounts(): Promise<Account[]> {
  const local = new Set((await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':')[0]))
  return parsePasswd((await run('getent', ['passwd'], { maxBuffer: 2 ** 26 })).stdout, local)
}

export function parsePasswd(text: string, local: ReadonlySet<string | undefined>): Account[] {
  return text
    .split('\n')
    .map((line) => line.split(':'))
    .filter((fields) => fields.length === 7)
    .map(([name = '', , uid, gid, , home = '', shell = '']) => ({
      name,
      uid: Number(uid),
      gid: Number(gid),
      home,
      shell,
      local: local.has(name),
    }))
}

/** One account, also where the name service lists only some. */
async function accountOf(name: string, known: readonly Account[]): Promise<Account | undefined> {
  const found = known.find((account) => account.name === name)
  if (found) return found
  const { stdout } = await run('getent', ['passwd', name]).catch(() => ({ stdout: '' }))
  return parsePasswd(stdout, new Set())[0]
}

/** Accounts whose sessions are to be recorded. Throws HostError `unknown-name` with all names that are not there. */
export async function accountsInScope(settings: HostSettings): Promise<Account[]> {
  const all = await listAccounts()
  const scope = new Map<string, Account>()
  const unknown: string[] = []
  const add = (account: Account) => {
    if (hasLogin(account)) scope.set(account.name, account)
  }
  for (const name of settings.users) {
    if (name === '*') {
      for (const account of all) if (isOrdinary(account.uid)) add(account)
      continue
    }
    const account = await accountOf(name, all)
    if (account) add(account)
    else unknown.push(`user ${name}`)
  }
  for (const name of settings.groups) {
    const { stdout } = await run('getent', ['group', name]).catch(() => ({ stdout: '' }))
    const [, , gid, members = ''] = stdout.trim().split(':')
    if (gid === undefined) {
      unknown.push(`group ${name}`)
      continue
    }
    for (const account of all) if (account.gid === Number(gid) && account.uid !== 0) add(account)
    for (const member of members.split(',').filter(Boolean)) {
      const account = await accountOf(member, all)
      if (account) add(account)
    }
  }
  for (const name of settings.forceCommand) {
    const account = await accountOf(name, all)
    if (account) add(account)
    else unknown.push(`user ${name}`)
  }
  if (unknown.length > 0)
    throw new HostError(
      'unknown-name',
      `There is no ${unknown.join(', no ')}.`,
      'Check --users, --groups and --force-command.',
    )
  for (const name of settings.except) scope.delete(name)
  return [...scope.values()]
}

/** How an account's sessions come to the recorder. */
export type Barrier = 'shell' | 'force-command'

export function barrierOf(account: Account, settings: HostSettings): Barrier {
  return account.local && !settings.forceCommand.includes(account.name) ? 'shell' : 'force-command'
}

/** The user's own shell: what `shells` remembers, or what the account has while it is not ours. */
export function realShell(account: Account, shells: ReadonlyMap<string, string>): string {
  return account.shell === loginShell ? (shells.get(account.name) ?? '/bin/sh') : account.shell
}

export function parseShells(text: string): Map<string, string> {
  return new Map(
    text
      .split('\n')
      .filter((line) => line.includes(':') && !line.startsWith('#'))
      .map((line): [string, string] => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  )
}

export async function setShell(name: string, shell: string): Promise<void> {
  try {
    await run('usermod', ['--shell', shell, name])
  } catch (error) {
    const { stderr = '', message } = error as Error & { stderr?: string }
    throw new HostError('usermod', `The shell of ${name} cannot be changed: ${stderr.trim() || message}`)
  }
}
