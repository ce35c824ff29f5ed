import { execFile } from 'node:child_process'
import { access, constants, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import {
  type Account,
  accountsInScope,
  barrierOf,
  listAccounts,
  parseShells,
  realShell,
  setShell,
} from './accounts.ts'
import { HostError, hostPaths, loginShell } from './host-paths.ts'
import { type HostSettings, renderHostConf } from './host-settings.ts'
import { notices } from './notices.ts'
import { hasSshd, installSshdSettings, reloadSshd } from './sshd.ts'
import { installSudoRule } from './sudo-rule.ts'
import { contentOf, UndoList } from './undo-list.ts'

const run = promisify(execFile)

// `tapedeck host enable`: from then on the accounts in scope are recorded. Every step can be taken back, and is if a later
// one fails or a test login does not come through; accounts are changed last, root's only if it is named.

export const scriptNames = [
  'settings',
  'login-shell',
  'forced',
  'recorder',
  'session',
  'mosh',
  'notice',
  'pipes',
  'transfer',
] as const
const scriptFolder = join(import.meta.dirname, '../capture/host')
/** All of util-linux, coreutils, sudo, shadow or glibc. */
const programs =
  'sudo visudo script setpriv prlimit mount umount tee dd mkfifo timeout sha256sum getent usermod stty su'.split(
    ' ',
  )
/** What the test login ends with: no shell says it by itself. */
const testStatus = 42
/** A farm that does not answer may cost 2 s, a slow name service some more. */
const testMsMax = 20_000

export interface Enabled {
  recorded: { name: string; shell: string; barrier: 'shell' | 'force-command' }[]
  /** Accounts that were recorded before and are not any more. */
  released: string[]
}

export async function enableHost(settings: HostSettings): Promise<Enabled> {
  await ensurePossible()
  await ensureOwnFolders()
  const scope = await accountsInScope(settings)
  if (scope.length === 0)
    throw new HostError(
      'nobody',
      'No account with a login shell is named.',
      'Name some with --users or --groups.',
    )
  const undo = new UndoList()
  try {
    const shells = parseShells((await contentOf(hostPaths.shells)) ?? '')
    const remembered = rememberShells(scope, await listAccounts(), shells)
    await keepCopies(undo)
    await installFiles(undo, settings, remembered)
    await installSudoRule(undo)
    const forced = scope.filter((account) => barrierOf(account, settings) === 'force-command')
    if (await hasSshd())
      await installSshdSettings(
        undo,
        forced.map(({ name }) => name),
      )
    const tested = scope.find(({ uid }) => uid !== 0) ?? scope[0]!
    await testLogin(tested.name)
    const released = await changeShells(undo, settings, scope, remembered)
    await testLogin(tested.name)
    await reloadSshd()
    return {
      recorded: scope.map((account) => ({
        name: account.name,
        shell: remembered.get(account.name)!,
        barrier: barrierOf(account, settings),
      })),
      released,
    }
  } catch (error) {
    const left = await undo.undo()
    await reloadSshd()
    if (left.length === 0) throw error
    const text = left.map(({ message }) => message).join('; ')
    throw new HostError(
      'undo',
      `${(error as Error).message} Then this could not be undone: ${text}`,
      `Copies lie in ${hostPaths.backup}.`,
    )
  }
}

async function ensurePossible(): Promise<void> {
  const missing: string[] = []
  for (const name of programs) if (!(await found(name))) missing.push(name)
  if (missing.length > 0)
    throw new HostError(
      'programs',
      `These programs are missing: ${missing.join(', ')}.`,
      'Install util-linux, sudo and passwd.',
    )
  const { stdout } = await run('script', ['--version'])
  const [, major, minor] = /(\d+)\.(\d+)/.exec(stdout) ?? []
  // Before 2.35 there is no timing log that has window changes.
  if (Number(major) * 100 + Number(minor) < 235)
    throw new HostError(
      'util-linux',
      `Expected script of util-linux 2.35 or newer, got ${stdout.trim()}.`,
      'Upgrade util-linux.',
    )
}

/** sudo runs what lies there as root, so nobody else may be able to put something else there. */
async function ensureOwnFolders(): Promise<void> {
  for (const path of ['/usr', '/usr/local', '/usr/local/lib', hostPaths.lib]) {
    const found = await stat(path).catch(() => undefined)
    if (found && (found.uid !== 0 || (found.mode & 0o022) !== 0))
      throw new HostError(
        'unsafe-folder',
        `${path} can be changed by others than root.`,
        `Make it root's: chown root:root ${path} && chmod go-w ${path}`,
      )
  }
}

async function found(name: string): Promise<boolean> {
  for (const folder of ['/usr/sbin', '/usr/bin', '/sbin', '/bin'])
    if (
      await access(join(folder, name), constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return true
  return false
}

/** What each account's own shell is: of those in scope, and of those that still have ours from an earlier call. */
function rememberShells(
  scope: readonly Account[],
  all: readonly Account[],
  known: ReadonlyMap<string, string>,
): Map<string, string> {
  const remembered = new Map<string, string>()
  for (const account of scope) remembered.set(account.name, realShell(account, known))
  for (const account of all)
    if (account.shell === loginShell && !remembered.has(account.name))
      remembered.set(account.name, realShell(account, known))
  return remembered
}

async function keepCopies(undo: UndoList): Promise<void> {
  for (const path of ['/etc/passwd', hostPaths.sshdConfig]) {
    const copy = join(hostPaths.backup, path.replaceAll('/', '_'))
    const content = await contentOf(path)
    if (content !== undefined && (await contentOf(copy)) === undefined)
      await undo.replace(copy, content, 0o600)
  }
}

async function installFiles(
  undo: UndoList,
  settings: HostSettings,
  shells: ReadonlyMap<string, string>,
): Promise<void> {
  for (const name of scriptNames)
    await undo.replace(
      join(hostPaths.lib, name),
      await readFile(join(scriptFolder, `${name}.sh`), 'utf8'),
      0o755,
    )
  for (const [language, text] of Object.entries(notices)) {
    const path = join(hostPaths.notices, language)
    if ((await contentOf(path)) === undefined) await undo.replace(path, text, 0o644)
  }
  const lines = Array.from(shells, ([name, shell]) => `${name}:${shell}\n`)
  await undo.replace(hostPaths.shells, lines.join(''), 0o644)
  await undo.replace(hostPaths.hostConf, renderHostConf(settings, await tmpfsOptions()), 0o644)
}

/** Session logs should never reach a swap disk; only newer kernels can promise that (Linux 6.4). */
async function tmpfsOptions(): Promise<string> {
  const folder = await mkdtemp('/run/tapedeck-trial-')
  try {
    await run('mount', ['-t', 'tmpfs', '-o', 'size=1m,noswap', 'tapedeck', folder])
    await run('umount', [folder])
    return ',noswap'
  } catch {
    return ''
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function changeShells(
  undo: UndoList,
  settings: HostSettings,
  scope: readonly Account[],
  shells: ReadonlyMap<string, string>,
): Promise<string[]> {
  const released: string[] = []
  const barriers = new Map(scope.map((account) => [account.name, barrierOf(account, settings)]))
  for (const account of (await listAccounts()).filter(({ local }) => local)) {
    const wanted = barriers.get(account.name) === 'shell' ? loginShell : shells.get(account.name)
    if (wanted === undefined || account.shell === wanted) continue
    undo.add(() => setShell(account.name, account.shell))
    await setShell(account.name, wanted)
    if (wanted !== loginShell) released.push(account.name)
  }
  return released
}

/** A login as the user, through everything that was installed. Throws HostError `test-login`. */
async function testLogin(name: string): Promise<void> {
  const args = ['-s', loginShell, name, '-c', `exit ${testStatus}`]
  const { code, said } = await run('su', args, { timeout: testMsMax }).then(
    () => ({ code: 0, said: '' }),
    (error: { code?: number; stdout?: string; stderr?: string }) => ({
      code: error.code,
      said: `${error.stdout ?? ''}${error.stderr ?? ''}`.trim(),
    }),
  )
  if (code === testStatus) return
  throw new HostError(
    'test-login',
    `A test login of ${name} should have ended with ${testStatus} and ended with ${code}${said && `: ${said}`}.`,
    'Everything was put back. See the system log for what the recorder says.',
  )
}
