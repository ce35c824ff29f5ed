import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { eventually } from './eventually.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const launcher = join(root, 'tapedeck')

export interface Ran {
  status: number
  stdout: Buffer
  stderr: string
}

export interface Up {
  readonly home: string
  readonly url: string
  readonly link: string
  readonly user: string
  /** Pids of the programs, as they are now. */
  pids(): Promise<{ node: number | undefined; agent: number | undefined }>
  /** The `tapedeck` command on this home. */
  tapedeck(...args: string[]): Promise<Ran>
  json<T>(...args: string[]): Promise<T>
  /** What a person types to record `command` here. */
  recordCommand(...command: string[]): string[]
  stop(): Promise<void>
}

export interface Listed {
  id: string
  state: string
  command: string
  bytes: number
  gaps: number
  proof: string
  exit?: number
  endReason?: string
}

export interface UpOptions {
  /** Kept after `stop`; without it a new one is made and removed. */
  home?: string
  env?: NodeJS.ProcessEnv
  /** What runs every program here, such as an `nsenter` command. */
  within?: readonly string[]
}

/** The product, as a person starts it: `tapedeck up` on a home and a port of its own. Stop it, and the home is removed. */
export async function startUp(options: UpOptions = {}): Promise<Up> {
  const { within = [] } = options
  const home = options.home ?? (await mkdtemp(join(tmpdir(), 'tapedeck-')))
  // A test that crashes must not leave it running.
  const [program, ...args] = ['setpriv', '--pdeathsig', 'TERM', '--', ...within, launcher] as const
  const child = spawn(program, [...args, 'up', '--home', home, '--port', '0', '--json', '--no-sample'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  })
  let stderr = ''
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve)
    child.once('exit', (code) => reject(new Error(`tapedeck up ended with ${code}: ${stderr}`)))
  })
  const { url, link, user } = JSON.parse(line) as { url: string; link: string; user: string }
  const tapedeck = commandOn(home, within)
  return {
    home,
    url,
    link,
    user,
    tapedeck,
    json: (...args) => jsonOf(tapedeck, args),
    recordCommand: (...command) => [...within, launcher, 'record', '--home', home, '--', ...command],
    pids: async () => ({
      node: await pidOf(join(home, 'node', 'node.json')),
      agent: await pidOf(join(home, 'agent'), 'agent/main.ts'),
    }),
    async stop() {
      await stopChild(child)
      if (!options.home) await removeHome(home)
    },
  }
}

export async function removeHome(home: string): Promise<void> {
  const runFolder = await readlink(join(home, 'agent', 'run')).catch(() => '')
  await rm(home, { recursive: true, force: true, maxRetries: 5 })
  if (runFolder.startsWith('/dev/shm/tapedeck-')) await rm(runFolder, { recursive: true, force: true })
}

/** The `tapedeck` command on a home. */
export function commandOn(home: string, within: readonly string[] = []): Up['tapedeck'] {
  const [program, ...before] = [...within, launcher]
  return (verb, ...args) => run(program!, [...before, verb!, '--home', home, ...args])
}

export async function jsonOf<T>(tapedeck: Up['tapedeck'], args: string[]): Promise<T> {
  const { status, stdout, stderr } = await tapedeck(...args, '--json')
  if (status !== 0) throw new Error(`tapedeck ${args.join(' ')} ended with ${status}: ${stderr}`)
  return JSON.parse(stdout.toString())
}

/** The only recording of a home, once it is complete. */
export function completed(up: Up, timeoutMs = 60_000): Promise<Listed> {
  return eventually(
    async () => {
      const [row, ...more] = await up.json<Listed[]>('list')
      if (!row || more.length > 0 || row.state !== 'complete')
        throw new Error(`Not complete: ${JSON.stringify([row, ...more])}`)
      return row
    },
    { timeoutMs, everyMs: 200 },
  )
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await ended
}

/** The process whose arguments end with these. */
async function pidOf(last: string, contains = ''): Promise<number | undefined> {
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const args = (await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')).split('\0').slice(0, -1)
    if (args.at(-1) === last && args[0]?.endsWith('node') && args.some((arg) => arg.includes(contains)))
      return Number(name)
  }
  return undefined
}

export function run(
  command: string,
  args: string[],
  options: { input?: Uint8Array; env?: NodeJS.ProcessEnv } = {},
): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(
      command,
      args,
      { encoding: 'buffer', maxBuffer: 1024 ** 3, env: { ...process.env, ...options.env } },
      (error, stdout, stderr) => {
        const code = (error as { code?: number | string } | null)?.code
        resolve({
          status: error ? (typeof code === 'number' ? code : 255) : 0,
          stdout,
          stderr: stderr.toString(),
        })
      },
    )
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(options.input)
  })
}
