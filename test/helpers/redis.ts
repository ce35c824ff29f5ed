import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import type { ExecutionContext } from 'ava'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'

/** Why there is no Redis here; `undefined` where there is. */
export function noRedis(): string | undefined {
  return existsSync('/usr/bin/redis-server') ? undefined : 'needs redis-server'
}

export interface TestRedis {
  url: string
  /** Kills it at once; what it knew is gone, as it never was of any worth. */
  kill(): Promise<void>
  /** On the same port again. */
  start(): Promise<void>
}

/** A real Redis of its own that keeps nothing. */
export async function openTestRedis(t: ExecutionContext): Promise<TestRedis> {
  const port = await freePort()
  let child: ChildProcess | undefined
  const redis: TestRedis = {
    url: `redis://127.0.0.1:${port}`,
    async start() {
      child = spawn(
        'redis-server',
        ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
        {
          stdio: 'ignore',
        },
      )
      await eventually(
        () =>
          new Promise<void>((resolve, reject) => {
            const socket = connect(port, '127.0.0.1', () => {
              socket.destroy()
              resolve()
            })
            socket.on('error', reject)
          }),
      )
    },
    async kill() {
      if (!child || child.exitCode !== null || child.signalCode !== null) return
      const ended = new Promise((resolve) => child!.once('exit', resolve))
      child.kill('SIGKILL')
      await ended
    },
  }
  await redis.start()
  t.teardown(() => redis.kill())
  return redis
}
