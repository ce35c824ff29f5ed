import { execFileSync, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { eventually } from './eventually.ts'
import { run } from './up.ts'

// Networks and mounts of a test's own. They hang on one process that dies with the test, so that nothing of them stays
// on the machine, however the test ends.

export interface Namespaces {
  readonly pid: number
  /** Put before a command to run it inside. */
  readonly within: readonly string[]
  /** Where a path inside can be seen from outside. */
  path(inside: string): string
  /** Runs a command inside; throws when it fails. */
  run(...command: string[]): Promise<string>
  close(): void
}

/** Whether this user and kernel can make them; else the tests that need them skip. */
export function canMakeNamespaces(): boolean {
  try {
    execFileSync('unshare', ['--net', '--mount', 'true'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** `mount`: mounts made here are seen here only. `net`: a network with nothing but a loopback. `uts`: a host name. */
export async function openNamespaces(...kinds: ('mount' | 'net' | 'uts')[]): Promise<Namespaces> {
  const flags = kinds.map((kind) => `--${kind}`)
  const holder = spawn('setpriv', ['--pdeathsig', 'KILL', '--', 'unshare', ...flags, 'sleep', '1d'], {
    stdio: 'ignore',
  })
  const pid = holder.pid!
  await eventually(async () => {
    if ((await readFile(`/proc/${pid}/comm`, 'utf8')) !== 'sleep\n') throw new Error('no namespaces yet')
  })
  const within = ['nsenter', '--target', String(pid), ...flags, '--']
  const inside = async (...command: string[]) => {
    const [program, ...args] = [...within, ...command] as [string, ...string[]]
    const { status, stdout, stderr } = await run(program, args)
    if (status !== 0) throw new Error(`${command.join(' ')} ended with ${status}: ${stderr}`)
    return stdout.toString()
  }
  if (kinds.includes('net')) await inside('ip', 'link', 'set', 'lo', 'up')
  return {
    pid,
    within,
    path: (path) => `/proc/${pid}/root${path}`,
    run: inside,
    close: () => void holder.kill('SIGKILL'),
  }
}

/** A cable between two networks: `eth0` on both sides, with these addresses. */
export async function connect(
  left: Namespaces,
  leftAddress: string,
  right: Namespaces,
  rightAddress: string,
): Promise<void> {
  await left.run(
    'ip',
    'link',
    'add',
    'eth0',
    'type',
    'veth',
    'peer',
    'name',
    'eth0',
    'netns',
    String(right.pid),
  )
  for (const [side, address] of [
    [left, leftAddress],
    [right, rightAddress],
  ] as const) {
    await side.run('ip', 'address', 'add', `${address}/24`, 'dev', 'eth0')
    await side.run('ip', 'link', 'set', 'eth0', 'up')
  }
}
