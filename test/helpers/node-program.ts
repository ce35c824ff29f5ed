import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { Agent } from 'node:https'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'
import { signerFromPem } from '../../codec/ed25519.ts'
import { readNodeConfig } from '../../node/read-config.ts'
import { setUpNode } from '../../node/setup.ts'
import { askNode, type ReachedNode, temporaryFolder } from './test-node.ts'

const main = fileURLToPath(new URL('../../node/main.ts', import.meta.url))

/** A node as a program of its own: what systemd starts. */
export interface NodeProgram extends ReachedNode {
  readonly pid: number
  /** Processes of its workers. */
  workers(): number[]
  /** What it logged so far. */
  log(): { code?: string; worker?: number; [key: string]: unknown }[]
  /** Exit status; 128 + 9 where it was killed. */
  readonly exit: Promise<number>
  signal(signal: NodeJS.Signals): void
}

/** `settings` are put into node.json; `home` is one that another program has set up. */
export async function startNodeProgram(
  t: ExecutionContext,
  settings: Record<string, unknown> = {},
  home?: string,
): Promise<NodeProgram> {
  const folder = home ?? (await temporaryFolder(t))
  const setUp = await setUpNode({ home: folder, port: 0 })
  const name = String(settings.name ?? 'node')
  const path = join(folder, 'node', `${name}.json`)
  await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(setUp.config, 'utf8')), ...settings }))
  const config = await readNodeConfig(path)
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, path], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const logged: string[] = []
  createInterface({ input: child.stderr! }).on('line', (line) => logged.push(line))
  const exit = exitOf(child)
  const ca = await readFile(config.tlsCert)
  const agent = new Agent({ ca, keepAlive: false })
  t.teardown(async () => {
    agent.destroy()
    if (child.exitCode === null) child.kill('SIGTERM')
    await exit
  })
  const port = await new Promise<number>((resolve, reject) => {
    createInterface({ input: child.stdout! }).once('line', (line) => resolve(JSON.parse(line).port))
    void exit.then((status) => reject(new Error(`The node ended with ${status}:\n${logged.join('\n')}`)))
  })
  const program: NodeProgram = {
    home: folder,
    setUp,
    config,
    ca,
    token: (await readFile(join(folder, 'client.token'), 'utf8')).trim(),
    farm: signerFromPem(await readFile(config.farmKey, 'utf8')),
    node: { port },
    pid: child.pid!,
    exit,
    workers: () =>
      readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ').map(Number),
    log: () => logged.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line)),
    signal: (signal) => void child.kill(signal),
    ask: (path, asked = {}) => askNode(agent, program, path, asked),
  }
  return program
}

function exitOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) =>
    child.once('exit', (status, signal) => resolve(status ?? (signal === 'SIGKILL' ? 137 : 128))),
  )
}
