import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export interface ServerProcess {
  readonly pid: number
  readonly port: number
  stop(): Promise<void>
}

/**
 * Runs a program of ours as the launcher does. Its first line is JSON with the port it listens at.
 * `within` = what runs it, such as an `nsenter` command.
 */
export async function startServer(args: string[], within: readonly string[] = []): Promise<ServerProcess> {
  const node = [process.execPath, '--disable-warning=ExperimentalWarning', ...args]
  // A bench that fails must not leave it running.
  const child: ChildProcess = spawn('setpriv', ['--pdeathsig', 'TERM', '--', ...within, ...node], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, UV_THREADPOOL_SIZE: '64', MALLOC_ARENA_MAX: '2' },
  })
  let said = ''
  child.stderr!.on('data', (chunk: Buffer) => {
    said = (said + chunk).slice(-2000)
  })
  const exit = once(child, 'exit')
  const line = await Promise.race([
    once(createInterface({ input: child.stdout! }), 'line'),
    exit.then(() => Promise.reject(new Error(`${args.join(' ')} ended: ${said}`))),
  ])
  return {
    pid: child.pid!,
    port: (JSON.parse(String(line[0])) as { port: number }).port,
    async stop() {
      child.kill('SIGTERM')
      await exit
    },
  }
}
