import { readdir } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'
import { LogFollower } from '../../../agent/capture/log-follower.ts'
import { concatBytes } from '../../../format/bytes.ts'
import { openPty, type Pty, type PtyOptions } from '../../helpers/pty.ts'
import { temporaryFolder } from '../../helpers/test-node.ts'

// Sessions of record.sh on a terminal, and what their logs have.

export const recordSh = fileURLToPath(new URL('../../../agent/capture/record.sh', import.meta.url))
export const isRoot = userInfo().uid === 0

export async function sessionsOf(home: string): Promise<string[]> {
  const folder = join(home, 'agent', 'run')
  return (await readdir(folder)).map((name) => join(folder, name))
}

/** Goes away with the test, however that ends. */
export function onTerminal(t: ExecutionContext, command: string[], options: PtyOptions = {}): Pty {
  const pty = openPty(command, options)
  t.teardown(() => pty.kill())
  return pty
}

export function runs(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

export function recorded(dir: string) {
  const logs = new LogFollower(dir, { startedMs: 0 })
  const { items, hole } = logs.next(1e9)
  logs.close()
  const output = Buffer.from(concatBytes(items.flatMap((item) => ('bytes' in item ? [item.bytes] : []))))
  return { items, hole, output: output.toString(), exit: items.find(({ kind }) => kind === 'exit') }
}

/** Runs a command recorded on a terminal, to its end. */
export async function record(
  t: ExecutionContext,
  command: string[],
  options: PtyOptions & { home?: string } = {},
) {
  const home = options.home ?? (await temporaryFolder(t))
  const pty = onTerminal(t, ['sh', recordSh, '--home', home, '--', ...command], options)
  const status = await pty.exit
  const [dir] = await sessionsOf(home)
  const printed = pty.output().toString()
  return { home, dir: dir!, status, printed, ...recorded(dir!) }
}
