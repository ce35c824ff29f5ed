import { readFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { makeFolder } from '../../disk/folder.ts'
import { identityFile } from '../../node/store/store-identity.ts'
import { eventually } from '../helpers/eventually.ts'
import type { FarmHome } from './farm-home.ts'
import type { Machine } from './network.ts'
import { type Program, runProgram } from './program.ts'

// One node of the farm: a machine that mounts the share and runs node/main.ts.

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')
const sharePort = 22

/** As the launcher runs a program of ours. */
export const programEnv = {
  UV_THREADPOOL_SIZE: '64',
  MALLOC_ARENA_MAX: '2',
  NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'tapedeck'),
}

export function programOf(script: string, ...args: string[]): string[] {
  return [process.execPath, '--disable-warning=ExperimentalWarning', join(root, script), ...args]
}

export interface LogLine {
  code?: string
  [key: string]: unknown
}

export interface FarmNode {
  readonly name: string
  readonly machine: Machine
  /** node.json. */
  readonly config: string
  /** The primary; its children are the workers. */
  readonly program: Program
  /** sshfs; absent where the store is a local folder. */
  readonly mount?: Program
  log(): LogLine[]
  stop(): Promise<void>
}

export interface NodeOptions {
  folder: string
  machine: Machine
  home: FarmHome
  /** Machine that serves the share; without it the store is used where it is. */
  share: Machine | undefined
  settings: Record<string, unknown>
}

export async function startFarmNode(options: NodeOptions): Promise<FarmNode> {
  const { folder, machine, home, share, settings } = options
  const { name } = machine
  const own = join(folder, name)
  const store = share ? join(own, 'store') : home.store
  await makeFolder(own)
  await makeFolder(store)
  const config = join(own, 'node.json')
  await writeFile(
    config,
    JSON.stringify(
      { name, host: machine.address, port: 443, stores: [store], ...home.settings, ...settings },
      null,
      2,
    ),
  )
  const mount = share && mountShare({ folder: own, machine, share, from: home.store, to: store })
  mount?.start()
  if (mount) await eventually(() => readFile(join(machine.path(store), identityFile)))
  const program = runProgram({
    name,
    folder: own,
    command: [...machine.within, ...programOf('node/main.ts', config)],
    env: programEnv,
  })
  program.start()
  return {
    name,
    machine,
    config,
    program,
    ...(mount && { mount }),
    log: () =>
      readFileSync(program.logFile, 'utf8')
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as LogLine),
    async stop() {
      await program.stop()
      await mount?.stop()
    },
  }
}

/** What serves it: SFTP without SSH, since nobody else is on this network. */
export function shareServer(machine: Machine, folder: string): Program {
  const script = join(root, 'test', 'farm', 'share-server.py')
  return runProgram({
    name: 'share',
    folder,
    command: [...machine.within, 'python3', script, machine.address, String(sharePort)],
  })
}

function mountShare(options: {
  folder: string
  machine: Machine
  share: Machine
  from: string
  to: string
}): Program {
  const { folder, machine, share, from, to } = options
  const how = `directport=${sharePort},reconnect`
  // A mount whose sshfs was killed is still there, and of no use.
  const script = 'umount -l "$2" 2>/dev/null; exec sshfs -f -o "$1" "$3" "$2"'
  const command = ['sh', '-c', script, 'sh', how, to, `${share.address}:${from}`]
  return runProgram({ name: 'mount', folder, command: [...machine.within, ...command] })
}
