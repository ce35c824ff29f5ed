import { randomUUID } from 'node:crypto'
import { type Bus, Listeners } from './bus.ts'

// The workers of one node, over the channel that node:cluster gives each of them to the primary, which passes on what one
// says to all others. Messages are structured clones (serialization 'advanced'), so bytes stay bytes.

export interface BusMessage {
  bus: string
  payload: Uint8Array
  from: string
}

/** A worker's channel to its primary. */
export interface WorkerChannel {
  send(message: BusMessage): boolean
  on(event: 'message', listener: (message: unknown) => void): unknown
  off(event: 'message', listener: (message: unknown) => void): unknown
}

export function isBusMessage(message: unknown): message is BusMessage {
  return typeof message === 'object' && message !== null && typeof (message as BusMessage).bus === 'string'
}

export function openClusterBus(channel: WorkerChannel): Bus {
  const id = randomUUID()
  const listeners = new Listeners()
  const onMessage = (message: unknown) => {
    if (isBusMessage(message) && message.from !== id)
      listeners.tell(message.bus, message.payload, message.from)
  }
  channel.on('message', onMessage)
  return {
    id,
    connected: true,
    publish(topic, payload) {
      channel.send({ bus: topic, payload, from: id })
    },
    subscribe: (topic, listener) => listeners.add(topic, listener),
    async close() {
      channel.off('message', onMessage)
    },
  }
}
