import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { enrol } from '../agent/enrol.ts'
import { replaceFile } from '../disk/atomic-replace.ts'
import { setUpNode, writeClient } from '../node/setup.ts'
import { openClient } from './client.ts'
import { CommandError } from './command-error.ts'
import type { Home } from './home.ts'
import { supervise } from './supervise.ts'

export interface UpOptions {
  port: string
  json?: boolean
  sample: boolean
}

/** A first start makes keys and a catalog; on a slow disk that is some seconds. */
const startMsMax = 60_000
const root = join(import.meta.dirname, '..')

/** Starts a node and an agent on this machine, says what to do next, and ends with Ctrl-C. */
export async function up(home: Home, options: UpOptions): Promise<void> {
  const port = Number(options.port)
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new CommandError('port', `Expected a port from 0 to 65535, got ${options.port}.`, '', 2)
  if (!existsSync(join(root, 'web', 'dist', 'index.html')))
    throw new CommandError(
      'web',
      'The pages are not built.',
      `Run 'npm run build' in ${root} once ('npm start' does it).`,
    )
  await refuseSecond(home)
  await mkdir(home.root, { recursive: true, mode: 0o700 })
  const setUp = await setUpNode({ home: home.root, port, policy: 'entire-with-notification' })

  let url = ''
  const started = Promise.withResolvers<void>()
  const failures: string[] = []
  const node = supervise({
    name: 'node',
    script: join(root, 'node', 'main.ts'),
    args: [setUp.config],
    logFile: join(home.node, 'node.log'),
    onLine(line) {
      const ready = JSON.parse(line) as { url: string; port: number }
      void told(home, setUp.config, ready).then(() => {
        url = ready.url
        started.resolve()
      }, started.reject)
    },
    onExit: (code, signal) => {
      failures.push(`the node ended with ${signal ?? code}`)
      process.stderr.write(
        `tapedeck: the node ended with ${signal ?? code} and is started again; see ${home.node}/node.log\n`,
      )
      if (failures.length >= 3 && !url)
        started.reject(new CommandError('node', `The node does not start: see ${home.node}/node.log.`))
    },
  })
  const children = [node]
  const stopped = untilStopped()
  try {
    await Promise.race([started.promise, stopped, expired('The node', startMsMax)])
    if (!url) return
    const ca = await readFile(join(home.node, 'tls.crt'), 'utf8')
    if (!existsSync(join(home.agent, 'certificate')))
      await enrol({ home: home.agent, url, ca, token: setUp.enrolmentToken })
    children.push(
      supervise({
        name: 'agent',
        script: join(root, 'agent', 'main.ts'),
        args: [home.agent],
        logFile: join(home.agent, 'agent.log'),
        onExit: (code, signal) =>
          process.stderr.write(
            `tapedeck: the agent ended with ${signal ?? code} and is started again; see ${home.agent}/agent.log\n`,
          ),
      }),
    )
    const client = await openClient(home, {})
    const { recordings } = await client.call<{ recordings: unknown[] }>('GET', '/api/recordings?limit=1')
    const link = await client.call<{ url: string }>('POST', '/api/session/tickets', {})
    client.close()
    const sample = options.sample && recordings.length === 0
    if (sample) recordSample(home)
    const user = setUp.admin?.user ?? 'admin'
    if (options.json)
      process.stdout.write(`${JSON.stringify({ url, user, link: link.url, home: home.root })}\n`)
    else process.stdout.write(guide({ url, link: link.url, home, sample, admin: setUp.admin }))
    await stopped
    if (!options.json) process.stdout.write('\nStopping; recorded sessions go on and are kept.\n')
  } finally {
    for (const child of children.toReversed()) await child.stop()
  }
}

/** The command and the agent learn where the node is, and the node keeps the free port it found when it is restarted. */
async function told(home: Home, nodeConfig: string, { url, port }: { url: string; port: number }) {
  await writeClient(home.root, url)
  await change(nodeConfig, { port })
  const agentConfig = join(home.agent, 'agent.json')
  if (existsSync(agentConfig)) await change(agentConfig, { url })
}

async function change(path: string, values: Record<string, unknown>): Promise<void> {
  const text = await readFile(path, 'utf8')
  const changed = `${JSON.stringify({ ...JSON.parse(text), ...values }, null, 2)}\n`
  if (changed !== text) await replaceFile(path, changed)
}

function guide({
  url,
  link,
  home,
  sample,
  admin,
}: {
  url: string
  link: string
  home: Home
  sample: boolean
  admin: { user: string; password: string } | undefined
}) {
  const where = home.root.endsWith('/.tapedeck') ? '' : ` --home ${home.root}`
  return [
    `\nTapedeck is running at ${url}`,
    admin
      ? `\n  Sign in     ${admin.user} / ${admin.password}\n              Change it under Account. This administrator was given the role Player too,\n              so that recordings can be watched at once; on a farm nobody has it by default.`
      : '',
    `  Or open     ${link}`,
    '              (works once, within 15 minutes; the certificate is this machine’s own)',
    '',
    `  Record      ./tapedeck record${where}                    a shell, here or in another window`,
    `              ./tapedeck record${where} -- vim notes.txt   or any command`,
    `  Look        ./tapedeck list${where}    ./tapedeck play ID${where}    ./tapedeck verify ID${where}`,
    sample ? '\n  A short sample session is being recorded now.' : '',
    `  Everything lies in ${home.root}. Ctrl-C stops.\n`,
  ]
    .filter((line) => line !== '')
    .join('\n')
}

function recordSample(home: Home): void {
  const script = join(root, 'agent', 'capture', 'record.sh')
  const child = spawn(
    'sh',
    [script, '--home', home.root, '--', 'sh', join(root, 'appliance', 'sample-session.sh')],
    {
      stdio: 'ignore',
      env: { ...process.env, TERM: 'xterm-256color' },
    },
  )
  child.on('error', () => undefined)
}

async function refuseSecond(home: Home): Promise<void> {
  if (!existsSync(home.client)) return
  const client = await openClient(home, {}).catch(() => undefined)
  const answer = await client?.call('GET', '/api/status').then(
    () => true,
    (error: CommandError) => error.code !== 'unreachable',
  )
  client?.close()
  if (answer)
    throw new CommandError(
      'running',
      `Tapedeck is running already on ${home.root}: ${client?.url}`,
      'Stop it first, or use another --home.',
    )
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
