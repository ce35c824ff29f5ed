import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

// A program of the farm, kept running as systemd does it: who dies is started again after a moment. It ends with us,
// however we end.

/** RestartSec of a unit that wants to be back soon. */
const againMs = 1000
const stopMs = 15_000

export interface Program {
  readonly name: string
  /** Of the process that was started; `undefined` while it is down. */
  readonly pid: number | undefined
  /** How often it died by itself or was killed. */
  readonly deaths: number
  readonly logFile: string
  start(): void
  /** kill -9 for it and all below it at once. It comes back by itself, or with `stays` by `start`. */
  kill(options?: { stays?: boolean }): Promise<void>
  /** To the first process alone. */
  signal(signal: NodeJS.Signals): void
  /** Processes below the first one. */
  children(): number[]
  stop(): Promise<void>
}

export interface ProgramOptions {
  name: string
  /** Where its log and its pid file lie. */
  folder: string
  command: readonly string[]
  env?: NodeJS.ProcessEnv
}

export function runProgram({ name, folder, command, env }: ProgramOptions): Program {
  const logFile = join(folder, `${name}.log`)
  let child: ChildProcess | undefined
  let timer: NodeJS.Timeout | undefined
  let isWanted = false
  let deaths = 0

  const program: Program = {
    name,
    logFile,
    get pid() {
      return child?.pid
    },
    get deaths() {
      return deaths
    },
    start() {
      isWanted = true
      clearTimeout(timer)
      if (child) return
      const log = openSync(logFile, 'a')
      const [first, ...args] = ['setpriv', '--pdeathsig', 'TERM', '--', ...command] as const
      const started = spawn(first, args, {
        stdio: ['ignore', log, log],
        // Ctrl-C in a terminal is for us: we end them in order.
        detached: true,
        env: { ...process.env, ...env },
      })
      closeSync(log)
      child = started
      writeFileSync(join(folder, `${name}.pid`), `${started.pid}\n`)
      started.once('exit', () => {
        if (child === started) child = undefined
        if (!isWanted) return
        deaths += 1
        timer = setTimeout(() => program.start(), againMs)
      })
    },
    async kill({ stays = false } = {}) {
      const running = child
      if (!running?.pid) return
      if (stays) isWanted = false
      const gone = once(running, 'exit')
      for (const pid of [running.pid, ...below(running.pid)]) send(pid, 'SIGKILL')
      await gone
    },
    signal: (signal) => void child?.kill(signal),
    children: () => (child?.pid ? below(child.pid) : []),
    async stop() {
      isWanted = false
      clearTimeout(timer)
      const running = child
      if (!running) return
      const gone = once(running, 'exit')
      running.kill('SIGTERM')
      const late = setTimeout(() => void program.kill(), stopMs)
      await gone
      clearTimeout(late)
    },
  }
  return program
}

function below(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
      .flatMap((task) =>
        readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
      )
      .flatMap((child) => [child, ...below(child)])
  } catch {
    // It has ended meanwhile.
    return []
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
