import { pino } from 'pino'
import { productVersion } from '../service/product-version.ts'
import { openServiceManager } from '../service/service-manager.ts'
import { startAgent } from './agent.ts'
import { loadAgentConfig } from './config.ts'
import { stepBack } from './step-back.ts'

// agent/main.ts HOME: runs the agent of one home until SIGTERM or SIGINT.

/** The recorded sessions come first: what the agent reads waits in memory for it. */
const niceness = 15

const home = process.argv[2]
const log = pino({ name: 'agent', level: process.env.TAPEDECK_LOG ?? 'info', base: null })
if (!home) {
  log.fatal({ code: 'usage' }, 'Usage: agent/main.ts HOME')
  process.exit(2)
}
let stopping = false
const stop = Promise.withResolvers<void>()
for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.once(signal, () => {
    stopping = true
    stop.resolve()
  })
const manager = openServiceManager(process.env, {
  failed: (err) => log.warn({ code: 'service-manager', err }, 'systemd could not be told how the agent is.'),
})
try {
  stepBack(niceness)
  const version = await productVersion()
  while (!stopping) {
    const agent = await startAgent(await loadAgentConfig(home), { log, version })
    log.info({ code: 'ready' }, 'agent ready')
    manager.ready()
    await Promise.race([stop.promise, agent.renewed])
    await agent.close()
  }
  manager.stopping()
  process.exit(0)
} catch (error) {
  log.fatal({ code: (error as { code?: string }).code ?? 'failed' }, (error as Error).message)
  process.exit(1)
}
