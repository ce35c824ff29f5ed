import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readRecording } from '../../codec/read-recording.ts'
import { bytesOfText } from '../../format/output-text.ts'
import { eventually } from '../helpers/eventually.ts'
import { difference, withoutNotice } from '../helpers/recorded.ts'
import type { Farm } from './farm.ts'

// Recorded sessions that print known bytes, and what must be true of them afterwards. Each one's terminal writes what it
// shows into a file: nothing that tests do can hold it up.

const producer = fileURLToPath(new URL('../helpers/produce.py', import.meta.url))
const terminal = fileURLToPath(new URL('../helpers/terminal.py', import.meta.url))

/** Waits between an agent's attempts, two looks at a node's health, and a share's timeout come together here. */
const settleMsMax = 180_000

export interface ProducingSession {
  readonly seed: number
  readonly isRecorded: boolean
  /** Exit status of the recorder. */
  readonly exit: Promise<number>
  /** How long each write of the command took, in ms; when it has ended. */
  waits(): Promise<number[]>
  /** What the terminal showed. */
  shown(): Promise<Buffer>
  kill(): void
}

export interface SessionOptions {
  /** Where its files lie: in memory, so that no disk holds up a terminal. */
  folder: string
  /** Names the session: no two of one farm may have the same. */
  seed: number
  seconds: number
  /** Pauses between bursts; 1 is some 500 kB a second. */
  slower: number
  /**
   * Puts the recorder before a command. Without it the command runs below a `script` that nobody follows: through as many
   * terminals and processes, to know what they wait for by themselves.
   */
  record?: (...command: string[]) => string[]
}

/** On a farm hosts have processors of their own; here servers must not take them from what is measured. */
const eager = ['sh', fileURLToPath(new URL('eager.sh', import.meta.url))]

export function startFarmSession(options: SessionOptions): ProducingSession {
  const { folder, seed, seconds, slower } = options
  const file = (name: string) => join(folder, `session-${seed}.${name}`)
  const logs = ['-O', file('out'), '-T', file('timing')]
  const bare = (...command: string[]) => ['script', '-qef', ...logs, '-c', command.join(' ')]
  const record = options.record ?? bare
  const command = record(
    ...eager,
    'python3',
    producer,
    String(seed),
    seconds.toFixed(2),
    file('waits'),
    String(slower),
  )
  const shown = openSync(file('shown'), 'w')
  // Three sessions of the kernel's: the terminal, what runs in it, and what runs below `script`.
  const [program, ...args] = [...eager, 'python3', terminal, '80', '24', ...eager, ...command]
  const child = spawn(program!, args, {
    stdio: ['pipe', shown, 'inherit'],
    detached: true,
    env: { ...process.env, SHELL: '/bin/bash', TERM: 'xterm-256color', LANG: 'C.UTF-8' },
  })
  closeSync(shown)
  return {
    seed,
    isRecorded: options.record !== undefined,
    exit: new Promise((resolve) => child.once('exit', (status) => resolve(status ?? 255))),
    waits: async () => (await readFile(file('waits'), 'utf8')).trim().split('\n').map(Number),
    shown: () => readFile(file('shown')),
    kill: () => void child.kill('SIGKILL'),
  }
}

export interface FarmRow {
  id: string
  state: string
  command: string
  bytes: number
  gaps: number
  proof: string
  node: string
  endReason?: string
}

/** Rows of the recordings of a session. */
export async function rowsOf(farm: Farm, seed: number): Promise<FarmRow[]> {
  const words = `produce.py ${seed} `
  const { status, json, text } = await farm.ask(`/api/recordings?limit=10&q=${encodeURIComponent(words)}`)
  if (status !== 200) throw new Error(`The list: ${status} ${text}`)
  return (json.recordings as FarmRow[]).filter(({ command }) => command.includes(words))
}

/** Throws unless the farm has, proven, exactly what the session printed, once. */
export async function checkWhole(farm: Farm, session: ProducingSession): Promise<FarmRow> {
  const { row, printed } = await completed(farm, session)
  // A farm that is being broken may refuse this one or the other time.
  return eventually(
    async () => {
      const proof = await farm.ask(`/api/recordings/${row.id}/verify`)
      if (proof.status !== 200) throw new Error(`verify ${row.id}: ${proof.status} ${proof.text}`)
      if (!proof.json.whole || row.proof !== 'sealed' || row.gaps > 0 || row.endReason !== 'exit')
        throw new Error(`${row.id} is not whole: ${proof.text} ${JSON.stringify(row)}`)
      const wrong = difference(await storedOutput(farm, row.id), printed)
      if (wrong) throw new Error(`${row.id}: ${wrong}`)
      return row
    },
    { timeoutMs: 30_000, everyMs: 1000 },
  )
}

/** How many of the bytes that the session printed the farm does not have, in their order, at its end. */
export async function lostBytes(
  farm: Farm,
  session: ProducingSession,
): Promise<{ lost: number; printed: number }> {
  const { row, printed } = await completed(farm, session)
  const stored = await eventually(() => storedOutput(farm, row.id), { timeoutMs: 30_000, everyMs: 1000 })
  const wrongAt = printed.findIndex((byte, at) => byte !== stored[at])
  return { lost: wrongAt < 0 ? 0 : printed.length - wrongAt, printed: printed.length }
}

/** The only recording of the session, when it has ended, and what its terminal showed. */
async function completed(farm: Farm, session: ProducingSession): Promise<{ row: FarmRow; printed: Buffer }> {
  const status = await session.exit
  const printed = withoutNotice(await session.shown())
  if (status !== 0 || !printed.includes(`produced ${session.seed}\r\n`))
    throw new Error(`Session ${session.seed} ended with ${status}, not at its end.`)
  const row = await eventually(
    async () => {
      const rows = await rowsOf(farm, session.seed)
      if (rows.length === 1 && rows[0]!.state === 'complete') return rows[0]!
      throw new Error(`Recordings of session ${session.seed}: ${JSON.stringify(rows)}`)
    },
    { timeoutMs: settleMsMax, everyMs: 500 },
  )
  return { row, printed }
}

async function storedOutput(farm: Farm, recording: string): Promise<Buffer> {
  const { status, bytes, text } = await farm.ask(`/api/recordings/${recording}/streams/cast`)
  if (status !== 200) throw new Error(`${recording}: ${status} ${text}`)
  return outputOf(bytes)
}

async function outputOf(stored: Buffer): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  async function* once() {
    yield stored
  }
  for await (const item of readRecording(once()))
    if (item.kind === 'events')
      for (const { code, data } of item.events) if (code === 'o') pieces.push(bytesOfText(data))
  return Buffer.concat(pieces)
}
