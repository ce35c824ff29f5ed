import { createConnection } from 'node:net'
import { text } from 'node:stream/consumers'
import { CommandError } from './command-error.ts'
import type { Home } from './home.ts'
import { bytes, duration, escapeControls, fields, table } from './print.ts'

/** What the agent says of itself on its socket. Ages in ms. */
export interface AgentStatus {
  queue: { bytes: number; messages: number; oldestMs?: number | null }
  connection: { state: string; node?: string; since?: string | number; lastError?: string }
  sessions: {
    recording: string
    user: string
    command: string
    application?: string
    startedMs?: number
    bytes?: number
  }[]
  desktops?: {
    name: string
    user: string
    recording: string
    trouble?: { code: string; text: string; hint?: string }
  }[]
  /** On a host whose logins are recorded. */
  coverage?: { logins: number; unrecorded: number }
}

export async function askAgent(home: Home): Promise<AgentStatus> {
  const answer = await ask(home.agentSocket)
  const status = (answer === '' ? {} : JSON.parse(answer)) as Partial<AgentStatus>
  if (status.queue) return status as AgentStatus
  throw new CommandError('agent-starting', 'The agent is starting or stopping.', 'Ask again in a moment.')
}

/** Prints the agent's queue, connection and live sessions. */
export async function status(home: Home, options: { json?: boolean }): Promise<void> {
  const state = await askAgent(home)
  if (options.json) {
    process.stdout.write(`${JSON.stringify(state)}\n`)
    return
  }
  const { queue, connection, sessions, desktops = [], coverage } = state
  process.stdout.write(
    fields([
      ['connection', `${connection.state}${connection.node ? ` to ${connection.node}` : ''}`],
      ['last error', connection.lastError],
      ['queue', `${bytes(queue.bytes)} in ${queue.messages} messages`],
      ['oldest unsent', queue.oldestMs ? `${duration(queue.oldestMs)} ago` : undefined],
      ['sessions', String(sessions.length)],
      ['logins', coverage && `${coverage.logins}, ${coverage.unrecorded} unrecorded`],
    ]),
  )
  if (sessions.length > 0)
    process.stdout.write(
      table(
        ['RECORDING', 'USER', 'COMMAND'],
        sessions.map(({ recording, user, command }) => [recording, user, command]),
      ),
    )
  for (const { name, user, trouble } of desktops)
    if (trouble)
      process.stdout.write(
        `${escapeControls(
          `The desktop ${name} of ${user} is not recorded now: ${trouble.text} [${trouble.code}]`,
        )}\n`,
      )
}

async function ask(path: string): Promise<string> {
  const socket = createConnection(path)
  socket.on('connect', () => socket.end('{"ask":"status"}\n'))
  try {
    return await text(socket)
  } catch (error) {
    throw new CommandError(
      'no-agent',
      `No agent answers at ${path}: ${(error as Error).message}`,
      "Start it: 'systemctl start tapedeck-agent', or 'tapedeck up'.",
    )
  }
}
