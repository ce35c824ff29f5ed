import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { setUpNode } from '../../node/setup.ts'
import { commandOn, jsonOf, removeHome, run, type Up } from './up.ts'

// Node and agent as programs of their own, each where it should run: nobody starts them again but the test.

const root = fileURLToPath(new URL('../..', import.meta.url))

export interface Program {
  /** Resolves when it is ready, with what it says then. */
  start(): Promise<object>
  /** Resolves when it has ended. */
  end(signal?: NodeJS.Signals): Promise<void>
  signal(signal: NodeJS.Signals): void
}

export interface Apart extends Pick<Up, 'home' | 'tapedeck' | 'json' | 'recordCommand'> {
  readonly node: Program
  readonly agent: Program
  stop(): Promise<void>
}

export interface ApartOptions {
  /** What runs the node and the command, and what runs the agent and its sessions, such as `nsenter` commands. */
  nodeWithin?: readonly string[]
  agentWithin?: readonly string[]
  nodeEnv?: NodeJS.ProcessEnv
  agentEnv?: NodeJS.ProcessEnv
  /** Where the node listens, and how the agent calls it. */
  host?: string
  name?: string
}

/** A node, and an agent that enrolled over the network, in one new home. */
export async function startApart(options: ApartOptions = {}): Promise<Apart> {
  const { nodeWithin = [], agentWithin = [], host = '127.0.0.1', name = 'localhost' } = options
  const home = await mkdtemp(join(tmpdir(), 'tapedeck-'))
  const { config, enrolmentToken: token } = await setUpNode({
    home,
    port: 0,
    policy: 'entire-with-notification',
  })
  const change = async (values: object) =>
    writeFile(config, JSON.stringify({ ...JSON.parse(await readFile(config, 'utf8')), ...values }))
  await change({ host })
  const agentHome = join(home, 'agent')
  const node = program({
    within: nodeWithin,
    script: join(root, 'node', 'main.ts'),
    argument: config,
    logFile: join(home, 'node.log'),
    env: options.nodeEnv,
  })
  const agent = program({
    within: agentWithin,
    script: join(root, 'agent', 'main.ts'),
    argument: agentHome,
    logFile: join(home, 'agent.log'),
    env: options.agentEnv,
  })
  const { port } = (await node.start()) as { port: number }
  await change({ port })
  await writeFile(
    join(home, 'client.json'),
    JSON.stringify({ url: `https://localhost:${port}`, ca: 'node/tls.crt', tokenFile: 'client.token' }),
  )
  const ca = await readFile(join(home, 'node', 'tls.crt'), 'utf8')
  await enrolWithin([...agentWithin], { home: agentHome, url: `https://${name}:${port}`, ca, token })
  await agent.start()
  const tapedeck = commandOn(home, nodeWithin)
  return {
    home,
    node,
    agent,
    tapedeck,
    json: (...args) => jsonOf(tapedeck, args),
    recordCommand: (...command) => [
      ...agentWithin,
      join(root, 'tapedeck'),
      'record',
      '--home',
      home,
      '--',
      ...command,
    ],
    async stop() {
      await agent.end()
      await node.end()
      await removeHome(home)
    },
  }
}

async function enrolWithin(within: string[], options: object): Promise<void> {
  const script = `import { enrol } from '${join(root, 'agent', 'enrol.ts')}'; await enrol(JSON.parse(process.argv[1]))`
  const [command, ...args] = [
    ...within,
    process.execPath,
    '--input-type=module',
    '-e',
    script,
    JSON.stringify(options),
  ]
  const { status, stderr } = await run(command!, args)
  if (status !== 0) throw new Error(`enrol ended with ${status}: ${stderr}`)
}

interface ProgramOptions {
  within: readonly string[]
  /** It says on its standard output, in a line of JSON, that it is ready. */
  script: string
  argument: string
  logFile: string
  env: NodeJS.ProcessEnv | undefined
}

function program({ within, script, argument, logFile, env }: ProgramOptions): Program {
  let child: ChildProcess | undefined
  let ended: Promise<void> = Promise.resolve()
  const [command, ...args] = [
    'setpriv',
    '--pdeathsig',
    'KILL',
    '--',
    ...within,
    process.execPath,
    script,
    argument,
  ]
  return {
    start() {
      const log = openSync(logFile, 'a')
      const started = spawn(command!, args, {
        stdio: ['ignore', 'pipe', log],
        env: { ...process.env, ...env },
      })
      closeSync(log)
      child = started
      ended = new Promise((resolve) => started.once('exit', () => resolve()))
      const lines = createInterface({ input: started.stdout! })
      return new Promise((resolve, reject) => {
        lines.on('line', (line) => {
          const said = JSON.parse(line) as { ready?: boolean; code?: string }
          if (said.ready || said.code === 'ready') resolve(said)
        })
        void ended.then(async () => reject(new Error(`${script} ended: ${await readFile(logFile, 'utf8')}`)))
      })
    },
    async end(signal = 'SIGTERM') {
      child?.kill(signal)
      await ended
    },
    signal: (signal) => void child?.kill(signal),
  }
}
