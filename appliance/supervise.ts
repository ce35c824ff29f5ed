import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { createInterface } from 'node:readline'

// Keeps one program of ours running: starts it again when it ends, and ends it with us, however we end.

/** Between two starts, doubling up to the greater while a program ends within `steadyMs` of its start. */
const restartMsMin = 250
const restartMsMax = 10_000
const steadyMs = 5_000
/** A program that does not end by itself in this time is killed; what it had is durable anyway. */
const stopMs = 20_000

export interface SuperviseOptions {
  script: string
  /** For Node itself. */
  nodeArguments?: string[]
  args: string[]
  /** Its log, appended to. */
  logFile: string
  /** Each line it prints on its standard output. */
  onLine?(line: string): void
  onExit?(code: number | null, signal: NodeJS.Signals | null): void
}

export interface Supervised {
  stop(): Promise<void>
}

export function supervise(options: SuperviseOptions): Supervised {
  const { script, nodeArguments = [], args, logFile, onLine, onExit } = options
  let child: ChildProcess | undefined
  let timer: NodeJS.Timeout | undefined
  let stopping = false
  let restartMs = restartMsMin
  let ended: Promise<void> = Promise.resolve()

  const start = () => {
    const log = openSync(logFile, 'a', 0o600)
    const startedMs = Date.now()
    const node = [
      process.execPath,
      '--disable-warning=ExperimentalWarning',
      ...nodeArguments,
      script,
      ...args,
    ]
    // setpriv (util-linux) has the kernel end the program when we are gone, even killed. Detached: the terminal's Ctrl-C
    // and hangup reach us alone, so that programs end one after the other.
    const running = spawn('setpriv', ['--pdeathsig', 'TERM', '--', ...node], {
      stdio: ['ignore', onLine ? 'pipe' : log, log],
      detached: true,
    })
    closeSync(log)
    child = running
    if (onLine && running.stdout) createInterface({ input: running.stdout }).on('line', onLine)
    ended = new Promise((resolve) => {
      const done = (code: number | null, signal: NodeJS.Signals | null) => {
        child = undefined
        resolve()
        if (stopping) return
        onExit?.(code, signal)
        restartMs = Date.now() - startedMs > steadyMs ? restartMsMin : Math.min(restartMsMax, restartMs * 2)
        timer = setTimeout(start, restartMs)
      }
      running.once('error', () => done(null, null))
      running.once('exit', done)
    })
  }
  start()
  return {
    async stop() {
      stopping = true
      clearTimeout(timer)
      child?.kill('SIGTERM')
      const killer = setTimeout(() => child?.kill('SIGKILL'), stopMs)
      await ended
      clearTimeout(killer)
    },
  }
}
