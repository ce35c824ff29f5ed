import { silenceMsDefault } from '../catalog/dormant.ts'
import type { HttpContext } from './context.ts'

/** Tells whether an agent is connected: exactly for this process; for the others of a farm, whether it was heard of lately. */
export function connectedAgents({
  ingest,
  bus,
}: HttpContext): (agent: { id: string; seenMs: number }) => boolean {
  const here = new Set(ingest.stats().agents.map(({ agent }) => agent))
  return ({ id, seenMs }) => here.has(id) || (bus.connected && Date.now() - seenMs < silenceMsDefault)
}
