import { textOf, utf8 } from '../../format/bytes.ts'
import type { Bus } from '../bus/bus.ts'
import type { Ingest } from './ingest.ts'

/**
 * The same ingest, whose orders also reach the process of the farm that holds the agent. A lost order is only late: agents
 * are looked at again within a minute, and the next bytes of a deleted recording find no row.
 */
export function openFarmIngest(bus: Bus, ingest: Ingest): Ingest {
  const order = (name: 'discard' | 'disconnect') => {
    const topic = `order.${name}`
    bus.subscribe(topic, (payload) => {
      const whom = textOf(payload)
      if (whom !== undefined) ingest[name](whom)
    })
    return (whom: string) => {
      ingest[name](whom)
      bus.publish(topic, utf8(whom))
    }
  }
  return { ...ingest, discard: order('discard'), disconnect: order('disconnect') }
}
