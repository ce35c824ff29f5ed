import cluster from 'node:cluster'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { type Logger, pino } from 'pino'
import { openServiceManager } from '../service/service-manager.ts'
import { type NodeAddress, startPrimary } from './cluster/primary.ts'
import { openWorkerSide } from './cluster/worker-side.ts'
import { ConfigError, type NodeConfig } from './config.ts'
import { startNode } from './node.ts'
import { readNodeConfig } from './read-config.ts'

// node node/main.ts PATH/node.json — one recording server in the foreground. Logs JSON lines on standard error; prints
// one line on standard output when it listens. SIGTERM ends it; SIGHUP replaces its workers one by one.

// What agents send lies in buffers beside V8's heap until it is synced. By default V8 marks the whole heap for every few
// megabytes of them: a third of this process's time in a flood.
setFlagsFromString('--external-memory-accounted-in-global-limit')

const path = process.argv[2]
if (path === undefined) {
  process.stderr.write('Usage: node node/main.ts PATH/node.json\n')
  process.exit(2)
}

try {
  const worker = cluster.isWorker ? Number(process.env.TAPEDECK_WORKER) : undefined
  const log = pino(
    { level: process.env.TAPEDECK_LOG ?? 'info', base: worker === undefined ? null : { worker } },
    pino.destination(2),
  )
  const config = await readNodeConfig(path)
  if (worker !== undefined) await runWorker(config, log, worker)
  else if (config.workers > 1) await runPrimary(config, log)
  else await runAlone(config, log)
} catch (error) {
  const { message, code, hint } = error as Error & { code?: string; hint?: string }
  const said = error instanceof ConfigError ? `${path}:\n${message}` : message
  process.stderr.write(`tapedeck node: ${said}${code ? ` (${code})` : ''}\n${hint ? `${hint}\n` : ''}`)
  process.exit(1)
}

async function runAlone(config: NodeConfig, log: Logger): Promise<void> {
  const node = await startNode(config, { log })
  const manager = serve(node, log)
  // Else it would end the node.
  process.on('SIGHUP', () =>
    log.info({ code: 'nothing-to-replace' }, 'This node has no workers to replace one by one: restart it.'),
  )
  endOn(['SIGTERM', 'SIGINT'], log, () => {
    manager.stopping()
    return node.close()
  })
}

async function runPrimary(config: NodeConfig, log: Logger): Promise<void> {
  cluster.setupPrimary({ serialization: 'advanced' })
  // What workers of a killed node were importing.
  await rm(config.temp, { recursive: true, force: true })
  const primary = await startPrimary({
    workers: config.workers,
    log,
    fork: (index) => cluster.fork({ TAPEDECK_WORKER: String(index) }),
  })
  const manager = serve(primary.address, log)
  process.on('SIGHUP', () =>
    primary.restart().then(
      () => log.info({ code: 'restarted' }, 'All workers were replaced.'),
      (err) => log.error({ code: 'restart-failed', err }, 'The workers were not all replaced.'),
    ),
  )
  endOn(['SIGTERM', 'SIGINT'], log, () => {
    manager.stopping()
    return primary.close()
  })
}

async function runWorker(config: NodeConfig, log: Logger, index: number): Promise<void> {
  const side = openWorkerSide(cluster.worker!, index)
  // One that is replaced still has its own while the next one starts.
  const temp = join(config.temp, String(process.pid))
  const node = await startNode({ ...config, temp }, { log, worker: side })
  side.ready(node, node.counted)
  // Ctrl-C reaches the whole group of processes; the primary says when to end.
  process.on('SIGINT', () => undefined)
  const end = endOn(['SIGTERM'], log, async () => {
    await node.close()
    // The primary may have given it a connection meanwhile. It says goodbye and waits for the answer, so that each has been
    // given back; one that nobody answered for would wait for ever.
    if (!cluster.worker!.isConnected()) return
    const gone = once(process, 'disconnect')
    cluster.worker!.disconnect()
    await gone
  })
  side.onStop(end)
}

/** Says that the node listens: to who reads its output, and to systemd. */
function serve({ url, port }: Pick<NodeAddress, 'url' | 'port'>, log: Logger) {
  process.stdout.write(`${JSON.stringify({ ready: true, url, port })}\n`)
  const manager = openServiceManager(process.env, {
    failed: (err) => log.warn({ code: 'service-manager', err }, 'systemd could not be told how the node is.'),
  })
  manager.ready()
  return manager
}

function endOn(signals: NodeJS.Signals[], log: Logger, close: () => Promise<void>): () => void {
  const end = async () => {
    try {
      await close()
      process.exit(0)
    } catch (err) {
      log.error({ code: 'close-failed', err }, 'The node did not close cleanly.')
      process.exit(1)
    }
  }
  for (const signal of signals) process.once(signal, end)
  return end
}
