import { setFlagsFromString } from 'node:v8'
import { pino } from 'pino'
import { ConfigError } from './config.ts'
import { startNode } from './node.ts'
import { readNodeConfig } from './read-config.ts'

// node node/main.ts PATH/node.json — one recording server in the foreground. Logs JSON lines on standard error; prints
// one line on standard output when it listens.

// What agents send lies in buffers beside V8's heap until it is synced. By default V8 marks the whole heap for every few
// megabytes of them: a third of this process's time in a flood.
setFlagsFromString('--external-memory-accounted-in-global-limit')

const path = process.argv[2]
if (path === undefined) {
  process.stderr.write('Usage: node node/main.ts PATH/node.json\n')
  process.exit(2)
}

try {
  const log = pino({ level: process.env.TAPEDECK_LOG ?? 'info' }, pino.destination(2))
  const node = await startNode(await readNodeConfig(path), { log })
  process.stdout.write(`${JSON.stringify({ ready: true, url: node.url, port: node.port })}\n`)
  const stop = async () => {
    try {
      await node.close()
      process.exit(0)
    } catch (err) {
      log.error({ code: 'close-failed', err }, 'The node did not close cleanly.')
      process.exit(1)
    }
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, stop)
} catch (error) {
  const { message, code, hint } = error as Error & { code?: string; hint?: string }
  const said = error instanceof ConfigError ? `${path}:\n${message}` : message
  process.stderr.write(`tapedeck node: ${said}${code ? ` (${code})` : ''}\n${hint ? `${hint}\n` : ''}`)
  process.exit(1)
}
