import { once } from 'node:events'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { chown, mkdtemp } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from './up.ts'

// PostgreSQL's programs and who runs them.

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

export function binaries(): string | undefined {
  const found = globSync('/usr/lib/postgresql/*/bin').sort((a, b) =>
    a.localeCompare(b, 'en', { numeric: true }),
  )
  return found.findLast((bin) => existsSync(join(bin, 'initdb')) && existsSync(join(bin, 'pg_basebackup')))
}

export function binary(name: string): string {
  const own = join(binaries() ?? '', name)
  return existsSync(own) ? own : name
}

/** Another user where we are root; and the signal it gets when we end first. */
export function lowered(signal: string): string[] {
  const user = runsAs()
  const ids = user ? ['--reuid', String(user.uid), '--regid', String(user.gid), '--clear-groups'] : []
  return [...ids, '--pdeathsig', signal]
}

export function runsAs(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  const user = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody')!
  return { uid: Number(user[2]), gid: Number(user[3]) }
}

export async function ownFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tapedeck-pg-'))
  const user = runsAs()
  if (user) await chown(folder, user.uid, user.gid)
  return folder
}

export async function asPostgres(
  command: string,
  args: string[],
  options: { input?: Uint8Array } = {},
): Promise<void> {
  const { status, stderr } = await run('setpriv', [...lowered('KILL'), binary(command), ...args], options)
  if (status !== 0) throw new Error(`${command} ended with ${status}: ${stderr}`)
}
