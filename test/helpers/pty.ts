import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { eventually } from './eventually.ts'

const program = fileURLToPath(new URL('terminal.py', import.meta.url))

export interface Pty {
  readonly pid: number
  /** All that was printed so far. */
  output(): Buffer
  write(text: string | Uint8Array): void
  resize(columns: number, rows: number): void
  /** Waits until `text` has been printed after the place where the last wait ended. */
  waitFor(text: string, timeoutMs?: number): Promise<void>
  /** The terminal goes away, as when a window is closed. */
  hangup(): void
  kill(): void
  /** Pid of the command itself. */
  child(): number
  /** Exit status; 128 + signal. */
  readonly exit: Promise<number>
  /** The same, within a time; throws with what was printed last. */
  ended(timeoutMs?: number): Promise<number>
}

export interface PtyOptions {
  columns?: number
  rows?: number
  env?: NodeJS.ProcessEnv
  cwd?: string
}

/** Runs a command on a real PTY. `SHELL` is bash unless `env` says otherwise. */
export function openPty(command: string[], options: PtyOptions = {}): Pty {
  const { columns = 80, rows = 24 } = options
  const child = spawn('python3', [program, String(columns), String(rows), ...command], {
    stdio: ['pipe', 'pipe', 'inherit'],
    cwd: options.cwd,
    env: { ...process.env, SHELL: '/bin/bash', TERM: 'xterm-256color', LANG: 'C.UTF-8', ...options.env },
  })
  const chunks: Buffer[] = []
  let seen = 0
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  child.stdin.on('error', () => undefined)
  const order = (value: object) => child.stdin.write(`${JSON.stringify(value)}\n`)
  const exit = new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? 255)))
  const output = () => {
    if (chunks.length > 1) chunks.splice(0, chunks.length, Buffer.concat(chunks))
    return chunks[0] ?? Buffer.alloc(0)
  }
  const last = () => JSON.stringify(output().subarray(-300).toString())
  return {
    pid: child.pid!,
    output,
    exit,
    write: (text) => order({ write: Buffer.from(text as string).toString('base64') }),
    resize: (width, height) => order({ resize: [width, height] }),
    hangup: () => order({ hangup: true }),
    kill: () => child.kill('SIGKILL'),
    child: () => Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim()),
    async ended(timeoutMs = 60_000) {
      const { promise: late, reject } = Promise.withResolvers<never>()
      const timer = setTimeout(() => reject(new Error(`It did not end; the last was ${last()}`)), timeoutMs)
      return Promise.race([exit, late]).finally(() => clearTimeout(timer))
    },
    async waitFor(text, timeoutMs = 60_000) {
      await eventually(
        () => {
          const at = output().indexOf(text, seen)
          if (at < 0) throw new Error(`'${text}' was not printed; the last was ${last()}`)
          seen = at + text.length
        },
        { timeoutMs, everyMs: 20 },
      )
    },
  }
}
