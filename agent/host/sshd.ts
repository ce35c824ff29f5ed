import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { kill } from 'node:process'
import { promisify } from 'node:util'
import { forcedCommand, HostError, hostPaths } from './host-paths.ts'
import { contentOf, type UndoList } from './undo-list.ts'

const run = promisify(execFile)

// What sshd must not do before the recorder runs, and how sftp comes to it.

const includePattern = /^\s*Include\s+\/etc\/ssh\/sshd_config\.d\/\*\.conf\b/im
const internalSftp = /^(\s*Subsystem\s+sftp\s+)internal-sftp(.*)$/im
const wasSftp = /^# tapedeck: was: (.*)\n.*\n/m
const block = /^# tapedeck: begin\n[\s\S]*?^# tapedeck: end\n/m
const sftpServers = [
  '/usr/lib/openssh/sftp-server',
  '/usr/libexec/openssh/sftp-server',
  '/usr/lib/ssh/sftp-server',
  '/usr/libexec/sftp-server',
]

export async function hasSshd(): Promise<boolean> {
  return (await contentOf(hostPaths.sshdConfig)) !== undefined
}

/** Users whose login shell cannot be changed are sent to the recorder by sshd. */
export function sshdSettings(forced: readonly string[]): string {
  const match =
    forced.length === 0
      ? ''
      : `# Their shell is not in /etc/passwd here, or was left alone on purpose.
Match User ${forced.join(',')}
  ForceCommand exec ${forcedCommand}
Match all
`
  return `# Written by \`tapedeck host enable\`; \`tapedeck host disable\` removes it.
# ~/.ssh/rc would run before the recorder.
PermitUserRC no
# ~/.ssh/environment could name a library that runs before the recorder.
PermitUserEnvironment no
${match}`
}

/** Changes sshd's configuration and has sshd check it. Throws HostError `sshd`. Takes effect with `reloadSshd`. */
export async function installSshdSettings(undo: UndoList, forced: readonly string[]): Promise<void> {
  const main = (await contentOf(hostPaths.sshdConfig)) ?? ''
  const settings = sshdSettings(forced)
  if (includePattern.test(main)) await undo.replace(hostPaths.sshdDropIn, settings, 0o644)
  else {
    // The first value counts, so it must come first.
    const rest = main.replace(block, '')
    await undo.replace(hostPaths.sshdConfig, `# tapedeck: begin\n${settings}# tapedeck: end\n${rest}`, 0o644)
  }
  for (const path of await configFiles()) {
    const text = (await contentOf(path)) ?? ''
    if (!internalSftp.test(text)) continue
    const server = await sftpServer()
    const changed = text.replace(
      internalSftp,
      (line, before: string, after: string) => `# tapedeck: was: ${line}\n${before}${server}${after}`,
    )
    await undo.replace(path, changed, 0o644)
  }
  await checkSshd()
}

export async function removeSshdSettings(undo: UndoList): Promise<void> {
  await undo.remove(hostPaths.sshdDropIn)
  for (const path of await configFiles()) {
    const text = (await contentOf(path)) ?? ''
    const restored = text.replace(block, '').replace(wasSftp, (_, line: string) => `${line}\n`)
    if (restored !== text) await undo.replace(path, restored, 0o644)
  }
  await checkSshd()
}

/** Has a running sshd read its configuration again; sessions that are open stay. */
export async function reloadSshd(): Promise<void> {
  if (existsSync('/run/systemd/system'))
    for (const unit of ['ssh', 'sshd']) {
      const done = run('systemctl', ['reload', unit])
      if (await done.then(() => true).catch(() => false)) return
    }
  const pid = Number((await contentOf('/run/sshd.pid')) ?? '')
  if (pid > 0)
    try {
      kill(pid, 'SIGHUP')
    } catch {
      // It does not run: it will read the configuration when it starts.
    }
}

/** What sshd makes of its configuration for a user: lower-case keyword → values. Empty where sshd cannot tell. */
export async function effectiveSshd(user: string): Promise<Map<string, string>> {
  const args = ['-T', '-C', `user=${user},host=localhost,addr=127.0.0.1`]
  const { stdout } = await run('sshd', args, { env: sshdEnv() }).catch(() => ({ stdout: '' }))
  const settings = new Map<string, string>()
  for (const line of stdout.split('\n')) {
    const at = line.indexOf(' ')
    const [key, value] = [line.slice(0, at), line.slice(at + 1)]
    if (at > 0) settings.set(key, settings.has(key) ? `${settings.get(key)} ${value}` : value)
  }
  return settings
}

async function checkSshd(): Promise<void> {
  try {
    await run('sshd', ['-t'], { env: sshdEnv() })
  } catch (error) {
    const { stderr = '', message } = error as Error & { stderr?: string }
    throw new HostError('sshd', `sshd does not accept its configuration: ${stderr.trim() || message}`)
  }
}

async function configFiles(): Promise<string[]> {
  const names = await readdir(hostPaths.sshdFolder).catch(() => [])
  return [
    hostPaths.sshdConfig,
    ...names.filter((name) => name.endsWith('.conf')).map((name) => join(hostPaths.sshdFolder, name)),
  ]
}

async function sftpServer(): Promise<string> {
  for (const path of sftpServers) if ((await contentOf(path)) !== undefined) return path
  throw new HostError(
    'sftp-server',
    'sftp is internal to sshd here, where nobody sees it, and sftp-server is not installed.',
    'Install it (Debian: openssh-sftp-server).',
  )
}

// Debian keeps it where ordinary paths do not look.
function sshdEnv() {
  return { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }
}
