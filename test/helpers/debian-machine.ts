import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually } from './eventually.ts'
import type { Namespaces } from './namespaces.ts'
import { type Ran, run } from './up.ts'

// Debian as it is installed, with a systemd of its own (systemd-nspawn), over one tree that stays as it was: what a machine
// writes lies in memory and goes with it.

/** Machines in one control group would end each other's processes. */
const inOwnGroup = `for root in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
  [ -e $root/cgroup.procs ] || continue
  mkdir -p $root/tapedeck-$0-$$ && echo $$ >$root/tapedeck-$0-$$/cgroup.procs
done
exec "$@"`

export interface Machine {
  readonly name: string
  readonly address: string
  /** First process, as seen from outside. */
  readonly pid: number
  run(...command: string[]): Promise<Ran>
  /** In a shell; throws when it fails. Returns what was printed, without the last newline. */
  sh(script: string): Promise<string>
  stop(): Promise<void>
}

const needed = ['/usr/sbin/debootstrap', '/usr/bin/systemd-nspawn', '/usr/sbin/ip']
const packages = 'systemd,sudo,ca-certificates,libatomic1,procps,haproxy,keepalived,postgresql,redis-server'
/** A mirror that is far away. */
const debootstrapMsMax = 15 * 60_000

export function noMachines(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root'
  const missing = needed.filter((path) => !existsSync(path))
  return missing.length > 0
    ? `needs ${missing.join(', ')} (Debian: debootstrap, systemd-container)`
    : undefined
}

/** The tree, from `cache` or a mirror. */
export async function debianTree(cache: string): Promise<string> {
  // One that an earlier list of packages made lacks what was added.
  const tree = join(cache, `bookworm-${packages.split(',').length}`)
  if (existsSync(tree)) return tree
  await mkdir(cache, { recursive: true })
  const fresh = `${tree}.new`
  await rm(fresh, { recursive: true, force: true })
  const args = [
    '--variant=minbase',
    `--include=${packages}`,
    'bookworm',
    fresh,
    'http://deb.debian.org/debian',
  ]
  execFileSync('debootstrap', args, { stdio: ['ignore', 'ignore', 'inherit'], timeout: debootstrapMsMax })
  // Each machine gets an id of its own when it starts; nothing else of the tree's makers is in it.
  await writeFile(join(fresh, 'etc/machine-id'), '')
  for (const unit of ['postgresql', 'redis-server', 'haproxy', 'keepalived'])
    execFileSync('chroot', [fresh, 'systemctl', 'disable', '--quiet', unit], { stdio: 'ignore' })
  await rename(fresh, tree)
  return tree
}

/** Starts a machine on the bridge `deck0` of a network. `binds` = SOURCE:TARGET, with `:ro` behind it or not. */
export async function startMachine(options: {
  tree: string
  network: Namespaces
  name: string
  address: string
  hosts: string
  binds?: string[]
}): Promise<Machine> {
  const { tree, network, name, address, hosts, binds = [] } = options
  const [program, ...before] = network.within as [string, ...string[]]
  const child = spawn(
    program,
    [
      ...before,
      ...['setpriv', '--pdeathsig', 'TERM', '--', 'sh', '-c', inOwnGroup, name],
      ...['systemd-nspawn', '--quiet', '--register=no', '--keep-unit', '--boot', '--volatile=overlay'],
      ...[`--directory=${tree}`, `--machine=${name}`, `--hostname=${name}`, '--network-bridge=deck0'],
      ...binds.map((bind) => (bind.endsWith(':ro') ? `--bind-ro=${bind.slice(0, -3)}` : `--bind=${bind}`)),
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let log = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text) => {
      log = (log + text).slice(-10_000)
    })
  // One that sets the machine up comes before its first process.
  const pid = await eventually(async () => {
    if (child.exitCode !== null) throw new Error(`${name} ended: ${log}`)
    const children = await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')
    const first = children.trim().split(' ').at(-1)!
    if ((await readFile(`/proc/${first}/comm`, 'utf8')) !== 'systemd\n')
      throw new Error(`No systemd yet: ${log}`)
    return Number(first)
  })
  const inside = ['nsenter', '--target', String(pid), '--all', 'sh', '-c', 'cd / && exec "$@"', 'sh']
  const machine: Machine = {
    name,
    address,
    pid,
    run: (...command) => run(inside[0]!, [...inside.slice(1), ...command]),
    async sh(script) {
      const { status, stdout, stderr } = await machine.run('sh', '-c', script)
      if (status !== 0) throw new Error(`${name}: ${script}\nended with ${status}: ${stderr}${stdout}`)
      return stdout.toString().trimEnd()
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      const late = setTimeout(() => child.kill('SIGKILL'), 60_000)
      await ended
      clearTimeout(late)
      const groups = `find /sys/fs/cgroup -depth -type d -path '*/tapedeck-${name}-${child.pid}*' -exec rmdir {} + || :`
      execFileSync('sh', ['-c', groups], { stdio: 'ignore' })
    },
  }
  await eventually(() => machine.sh('systemctl is-active multi-user.target'))
  execFileSync('nsenter', [
    '--target',
    String(pid),
    '--net',
    'ip',
    'address',
    'add',
    `${address}/24`,
    'dev',
    'host0',
  ])
  execFileSync('nsenter', ['--target', String(pid), '--net', 'ip', 'link', 'set', 'host0', 'up'])
  await machine.sh(`printf '127.0.0.1 localhost\\n${hosts}' >/etc/hosts`)
  return machine
}
