import { Gauge, Registry } from 'prom-client'
import type { Home } from './home.ts'
import { type AgentStatus, askAgent } from './status.ts'

/** An agent has no port: what it says of itself on its socket, in Prometheus' text. One that does not answer is down. */
export async function agentMetrics(home: Home): Promise<string> {
  const state = await askAgent(home).catch(() => undefined)
  const registry = new Registry()
  const gauge = (name: string, help: string, value: number) =>
    new Gauge({ name: `tapedeck_agent_${name}`, help, registers: [registry] }).set(value)
  gauge('up', '1 while the agent answers.', state ? 1 : 0)
  if (state) addState(gauge, state)
  return await registry.metrics()
}

function addState(
  gauge: (name: string, help: string, value: number) => void,
  { queue, connection, sessions, coverage }: AgentStatus,
): void {
  const captured = sessions.reduce((sum, { bytes = 0 }) => sum + bytes, 0)
  gauge('connected', '1 while it is connected to its farm.', connection.state === 'connected' ? 1 : 0)
  gauge('recordings', 'Sessions that are being recorded.', sessions.length)
  gauge('captured_bytes', 'Bytes on disk of the recordings of these sessions.', captured)
  gauge('queue_bytes', 'Bytes that the farm has no receipt for yet.', queue.bytes)
  gauge('queue_messages', 'Parts of recordings that these bytes are in.', queue.messages)
  gauge('queue_oldest_seconds', 'Age of the oldest of them.', (queue.oldestMs ?? 0) / 1000)
  if (!coverage) return
  gauge('logins', 'Logins of accounts that are to be recorded.', coverage.logins)
  gauge('unrecorded_logins', 'Those of them that nobody records.', coverage.unrecorded)
}
