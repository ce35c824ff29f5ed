import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { eventually } from './eventually.ts'
import { openPty, type Pty, type PtyOptions } from './pty.ts'
import { type Ran, run } from './up.ts'

// A host of its own on this machine: namespaces for mounts, network, processes and name, and an overlay over what a host
// changes, so that accounts, sudo, sshd and logins are real and nothing of them is left behind.

const script = fileURLToPath(new URL('test-host.sh', import.meta.url))
const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')

/** A test, or what else removes the host in the end. */
export interface Scope {
  teardown(remove: () => Promise<void>): void
}

export interface TestHost {
  /** First process of the host, as seen from outside. */
  readonly pid: number
  run(command: string[], options?: { input?: Uint8Array; env?: NodeJS.ProcessEnv }): Promise<Ran>
  /** As `run`, in a shell; throws when it fails. Returns what was printed, without the last newline. */
  sh(script: string): Promise<string>
  /** The `tapedeck` command on this host. */
  tapedeck(...args: string[]): Promise<Ran>
  /** A program that goes on running; ends with the host. */
  start(command: string[], options?: { env?: NodeJS.ProcessEnv; stdin?: 'ignore' | 'pipe' }): ChildProcess
  /** What a process of the host is for the rest of this machine. */
  outerPid(pid: number): Promise<number>
  pty(command: string[], options?: PtyOptions): Pty
  addUser(name: string, options?: { shell?: string; groups?: string[]; password?: string }): Promise<void>
  startSshd(settings?: Record<string, string>): Promise<void>
  /** Arguments of an ssh client on this host that logs in as `user` here. */
  ssh(user: string, ...args: string[]): string[]
  close(): Promise<void>
}

/** Why test hosts cannot be made here; `undefined` where they can. */
export function noTestHosts(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root for namespaces'
  const missing = ['/usr/sbin/sshd', '/usr/bin/sudo', '/usr/bin/unshare'].filter((path) => !existsSync(path))
  return missing.length > 0 ? `needs ${missing.join(', ')}` : undefined
}

export async function openTestHost(t: Scope, name = 'ward-7'): Promise<TestHost> {
  const base = await mkdtemp(join(tmpdir(), 'tapedeck-host-'))
  const namespaces = ['--mount', '--net', '--uts', '--ipc', '--pid', '--fork', '--kill-child', '--mount-proc']
  const outer = spawn('unshare', [...namespaces, 'sh', script, base, name, root], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const first = await new Promise<string>((resolve, reject) => {
    createInterface({ input: outer.stdout! }).once('line', resolve)
    outer.once('exit', (code) => reject(new Error(`The test host ended with ${code}.`)))
  })
  if (first !== 'ready') throw new Error(`The test host said ${first}.`)
  const pid = Number((await readFile(`/proc/${outer.pid}/task/${outer.pid}/children`, 'utf8')).trim())
  const inside = ['nsenter', '--target', String(pid), '--all', '--wd=/']

  const host: TestHost = {
    pid,
    run: (command, options) => run(inside[0]!, [...inside.slice(1), ...command], options),
    async sh(text) {
      const { status, stdout, stderr } = await host.run(['sh', '-c', text])
      if (status !== 0) throw new Error(`${text}\nended with ${status}: ${stderr}${stdout}`)
      return stdout.toString().trimEnd()
    },
    tapedeck: (...args) => host.run([join(root, 'tapedeck'), ...args]),
    start(command, options = {}) {
      return spawn(inside[0]!, [...inside.slice(1), ...command], {
        stdio: [options.stdin ?? 'ignore', 'pipe', 'pipe'],
        env: { ...process.env, ...options.env },
      })
    },
    async outerPid(inner) {
      for (const name of await readdir('/proc')) {
        const status = await readFile(`/proc/${name}/status`, 'utf8').catch(() => '')
        if (!new RegExp(`^NSpid:\\t\\d+\\t${inner}$`, 'm').test(status)) continue
        const own = [`/proc/${name}/ns/pid`, `/proc/${pid}/ns/pid`].map((path) => readlink(path))
        const [its, ours] = await Promise.all(own)
        if (its === ours) return Number(name)
      }
      throw new Error(`The host has no process ${inner}.`)
    },
    pty: (command, options) => openPty([...inside, ...command], options),
    async addUser(user, { shell = '/bin/bash', groups = [], password } = {}) {
      const more = groups.length > 0 ? `-G ${groups.join(',')}` : ''
      await host.sh(`for group in ${groups.join(' ')}; do getent group $group >/dev/null || groupadd $group; done
        useradd -m -s ${shell} ${more} ${user}
        [ -f /root/.ssh/id_ed25519 ] || { mkdir -p -m 700 /root/.ssh; ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519; }
        install -d -m 700 -o ${user} ~${user}/.ssh
        install -m 600 -o ${user} /root/.ssh/id_ed25519.pub ~${user}/.ssh/authorized_keys`)
      if (password) await host.run(['chpasswd'], { input: Buffer.from(`${user}:${password}\n`) })
    },
    async startSshd(settings = {}) {
      const given = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`])
      await host.sh(`/usr/sbin/sshd ${given.join(' ')}`)
      await eventually(() => host.sh('test -s /run/sshd.pid'))
    },
    ssh: (user, ...args) => [
      ...[
        'ssh',
        '-o',
        'StrictHostKeyChecking=no',
        '-o',
        'LogLevel=ERROR',
        '-o',
        'UserKnownHostsFile=/dev/null',
      ],
      ...args.slice(0, Math.max(0, args.indexOf('--'))),
      `${user}@localhost`,
      ...args.slice(args.indexOf('--') + 1),
    ],
    async close() {
      if (outer.exitCode === null && outer.signalCode === null) {
        const ended = new Promise((resolve) => outer.once('exit', resolve))
        outer.kill('SIGKILL')
        await ended
      }
      await rm(base, { recursive: true, force: true, maxRetries: 10 })
    },
  }
  t.teardown(() => host.close())
  return host
}
