import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { replaceFile } from '../disk/atomic-replace.ts'
import { writeClient } from '../node/setup.ts'
import { CommandError } from './command-error.ts'
import type { Home } from './home.ts'
import { type Supervised, supervise } from './supervise.ts'

// The programs that `up` keeps running.

const root = join(import.meta.dirname, '..')

/** `url` rejects when it cannot start. */
export function startNode(home: Home, config: string): { node: Supervised; url: Promise<string> } {
  const logFile = join(home.node, 'node.log')
  const ready = Promise.withResolvers<string>()
  let isReady = false
  const node = supervise({
    script: join(root, 'node', 'main.ts'),
    args: [config],
    logFile,
    onLine(line) {
      const found = JSON.parse(line) as { url: string; port: number }
      void told(home, config, found).then(() => {
        isReady = true
        ready.resolve(found.url)
      }, ready.reject)
    },
    onExit(code, signal) {
      // One that cannot start will not start the next time either; one that was killed will.
      if (!isReady && code !== null) void nodeFailure(logFile).then(ready.reject, ready.reject)
      else restarted('node', signal ?? code, logFile)
    },
  })
  return { node, url: ready.promise }
}

export function startAgent(home: Home): Supervised {
  const logFile = join(home.agent, 'agent.log')
  return supervise({
    script: join(root, 'agent', 'main.ts'),
    // What it makes lives for one turn; room for 16 MB of it would stay taken after every flood of output.
    nodeArguments: ['--max-semi-space-size=2'],
    args: [home.agent],
    logFile,
    onExit: (code, signal) => restarted('agent', signal ?? code, logFile),
  })
}

function restarted(name: string, ending: number | string | null, logFile: string): void {
  process.stderr.write(`tapedeck: the ${name} ended with ${ending} and is started again; see ${logFile}\n`)
}

/** Why the node did not start, from the last it said. */
async function nodeFailure(logFile: string): Promise<CommandError> {
  const said = (await readFile(logFile, 'utf8').catch(() => '')).split('tapedeck node: ').at(-1)!.trim()
  return new CommandError(
    'node',
    `The node does not start: ${said.slice(0, 1000).replaceAll('\n', ' ')}`,
    `See ${logFile}.`,
  )
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

/** Something to look at. It ends with us: nothing of ours is left running. */
export function startSample(home: Home): Supervised {
  const script = join(root, 'agent', 'capture', 'record.sh')
  const session = join(root, 'appliance', 'sample-session.sh')
  const child = spawn('sh', [script, '--home', home.root, '--', 'sh', session], {
    stdio: 'ignore',
    detached: true,
    env: { ...process.env, TERM: 'xterm-256color' },
  })
  const ended = new Promise<void>((resolve) => {
    child.once('error', () => resolve())
    child.once('exit', () => resolve())
  })
  return {
    async stop() {
      child.kill('SIGTERM')
      await ended
    },
  }
}
