import { readlink, rm } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { AgentStatus } from '../../agent/agent.ts'
import { enrol } from '../../agent/enrol.ts'
import { programEnv, programOf } from './farm-node.ts'
import type { Machine } from './network.ts'
import { type Program, runProgram } from './program.ts'

// One host of the farm: a machine with an agent, where commands are recorded.

export const launcher = fileURLToPath(new URL('../../tapedeck', import.meta.url))

export interface FarmHost {
  readonly name: string
  readonly machine: Machine
  /** The agent's identity. */
  readonly agent: string
  readonly program: Program
  /** What its agent says of itself; rejects while it is down. */
  status(): Promise<AgentStatus>
  /** What a person types to record `command` here. */
  recordCommand(...command: string[]): string[]
  stop(): Promise<void>
}

export async function startFarmHost(options: {
  folder: string
  machine: Machine
  url: string
  ca: string
  token: string
}): Promise<FarmHost> {
  const { folder, machine, url, ca, token } = options
  const { name } = machine
  const home = join(folder, name)
  const agentHome = join(home, 'agent')
  const { agent } = await enrol({ home: agentHome, url, ca, token, host: name })
  const program = runProgram({
    name: 'agent',
    folder: home,
    command: [...machine.within, ...programOf('agent/main.ts', agentHome)],
    env: programEnv,
  })
  program.start()
  return {
    name,
    machine,
    agent,
    program,
    async status() {
      const socket = createConnection(join(agentHome, 'agent.sock'))
      socket.write('status\n')
      return JSON.parse(await text(socket)) as AgentStatus
    },
    recordCommand: (...command) => [
      ...machine.within,
      launcher,
      'record',
      '--home',
      home,
      ...(command.length > 0 ? ['--', ...command] : []),
    ],
    async stop() {
      await program.stop()
      // The recorders' logs, in memory.
      const run = await readlink(join(agentHome, 'run')).catch(() => '')
      if (run.startsWith('/dev/shm/tapedeck-')) await rm(run, { recursive: true, force: true })
    },
  }
}
