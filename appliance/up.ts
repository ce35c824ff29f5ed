import { existsSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { enrol } from '../agent/enrol.ts'
import { setUpNode } from '../node/setup.ts'
import { openClient } from './client.ts'
import { CommandError } from './command-error.ts'
import type { Home } from './home.ts'
import type { Supervised } from './supervise.ts'
import { upGuide } from './up-guide.ts'
import { lockHome } from './up-lock.ts'
import { startAgent, startNode, startSample } from './up-programs.ts'

export interface UpOptions {
  port: number
  json?: boolean
  sample: boolean
}

/** A first start makes keys and a catalog; on a slow disk that is some seconds. */
const startMsMax = 60_000
/** sockaddr_un, less its closing zero. */
const socketPathBytesMax = 107
const root = join(import.meta.dirname, '..')

/** Starts a node and an agent on this machine, says what to do next, and ends with Ctrl-C. */
export async function up(home: Home, options: UpOptions): Promise<void> {
  if (Buffer.byteLength(home.agentSocket) > socketPathBytesMax)
    throw new CommandError(
      'home',
      `${home.root} is too long: sockets in it may have paths of ${socketPathBytesMax} bytes.`,
      'Use a shorter --home.',
      2,
    )
  if (!existsSync(join(root, 'web', 'dist', 'index.html')))
    throw new CommandError(
      'web',
      'The pages are not built.',
      `Run 'npm run build' in ${root} once ('npm start' does it).`,
    )
  const stopped = untilStopped()
  await mkdir(home.root, { recursive: true, mode: 0o700 })
  const unlock = await lockHome(join(home.root, 'up.sock'), home.root)
  const children: Supervised[] = []
  try {
    await run(home, options, children, stopped)
  } finally {
    for (const child of children.toReversed()) await child.stop()
    unlock()
  }
}

async function run(
  home: Home,
  options: UpOptions,
  children: Supervised[],
  stopped: Promise<void>,
): Promise<void> {
  await refuseTakenPort(options.port)
  const setUp = await setUpNode({
    home: home.root,
    port: options.port,
    policy: 'entire-with-notification',
  })
  const { node, url } = startNode(home, setUp.config)
  children.push(node)
  const found = await Promise.race([url, stopped, expired('The node', startMsMax)])
  if (!found) return
  const ca = await readFile(join(home.node, 'tls.crt'), 'utf8')
  if (!existsSync(join(home.agent, 'certificate')))
    await enrol({ home: home.agent, url: found, ca, token: setUp.enrolmentToken })
  children.push(startAgent(home))
  const client = await openClient(home, {})
  const { recordings } = await client.call<{ recordings: unknown[] }>('GET', '/api/recordings?limit=1')
  const link = await client.call<{ url: string }>('POST', '/api/session/tickets', {})
  client.close()
  const sample = options.sample && recordings.length === 0
  if (sample) children.push(startSample(home))
  const { admin } = setUp
  if (options.json) {
    const facts = { url: found, user: admin?.user ?? 'admin', link: link.url, home: home.root }
    process.stdout.write(`${JSON.stringify(facts)}\n`)
  } else process.stdout.write(upGuide({ url: found, link: link.url, home, sample, admin }))
  await stopped
  if (!options.json) process.stdout.write('\nStopping; recorded sessions go on and are kept.\n')
}

/** Found out before anything is made. The node says the same when somebody else is quicker. */
async function refuseTakenPort(port: number): Promise<void> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(unusable(port, error)))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve()))
  })
}

function unusable(port: number, { code, message }: NodeJS.ErrnoException): CommandError {
  const text =
    code === 'EADDRINUSE'
      ? `Another program listens on port ${port}.`
      : `Port ${port} cannot be used: ${message}.`
  return new CommandError('port-in-use', text, 'Choose another with --port N; 0 takes a free one.')
}

function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve())
  })
}

async function expired(what: string, ms: number): Promise<never> {
  await sleep(ms, undefined, { ref: false })
  throw new CommandError('start', `${what} did not start within ${ms / 1000} s.`)
}
