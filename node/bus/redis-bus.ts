import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import { type Bus, Listeners } from './bus.ts'

// All nodes of a farm, over Redis pub/sub. Redis keeps nothing of it. While it is away messages are dropped, recording and
// playback go on, and when it is back the subscriptions are made again.

/** Separates farms that share a Redis. */
const prefixOf = (farm: string) => `tapedeck.${farm}.`
/** Longest wait between two tries to connect. */
const retryMsMax = 2000
/** A publish that waits longer than this in a broken socket is of no use to anybody. */
const commandMsMax = 1000
/** id of the publisher, as 36 characters, before each payload. */
const idBytes = 36

export interface RedisBusOptions {
  /** redis://[user@]host:port[/db] or rediss://… */
  url: string
  password?: string
  farm: string
  /** Told when Redis goes and when it comes back. */
  onState(connected: boolean, error?: Error): void
}

export function openRedisBus({ url, password, farm, onState }: RedisBusOptions): Bus {
  const id = randomUUID()
  const prefix = prefixOf(farm)
  const listeners = new Listeners()
  const options = {
    retryStrategy: (times: number) => Math.min(retryMsMax, 50 * 2 ** Math.min(times, 10)),
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    connectTimeout: 5000,
    ...(password && { password }),
  }
  const publisher = new Redis(url, { ...options, commandTimeout: commandMsMax })
  // Subscriptions must survive: ioredis repeats them after each reconnection. One that waited longer than a limit while a
  // busy machine connects would be given up, and its topic never heard.
  const subscriber = new Redis(url, { ...options, maxRetriesPerRequest: null, enableOfflineQueue: true })
  const ignore = () => undefined
  let connected = false
  let lastError: Error | undefined
  const state = (now: boolean) => {
    if (now === connected) return
    connected = now
    onState(now, now ? undefined : lastError)
  }
  const areReady = () => publisher.status === 'ready' && subscriber.status === 'ready'
  // The answer comes behind those to the subscriptions: from then on nothing is missed.
  const ready = async () => {
    if (!areReady()) return
    await subscriber.ping()
    state(areReady())
  }
  for (const client of [publisher, subscriber]) {
    client.on('error', (error: Error) => {
      lastError = error
    })
    client.on('ready', () => void ready().catch(ignore))
    client.on('close', () => state(false))
  }
  subscriber.on('messageBuffer', (channel: Buffer, message: Buffer) => {
    const from = message.toString('latin1', 0, idBytes)
    if (from !== id) listeners.tell(channel.toString().slice(prefix.length), message.subarray(idBytes), from)
  })
  return {
    id,
    get connected() {
      return connected
    },
    publish(topic, payload) {
      if (!connected) return
      const message = Buffer.allocUnsafe(idBytes + payload.length)
      message.write(id, 0, 'latin1')
      message.set(payload, idBytes)
      publisher.publish(prefix + topic, message).catch(ignore)
    },
    subscribe: (topic, listener) =>
      listeners.add(topic, listener, {
        first: (name) => void subscriber.subscribe(prefix + name).catch(ignore),
        last: (name) => void subscriber.unsubscribe(prefix + name).catch(ignore),
      }),
    async close() {
      publisher.disconnect()
      subscriber.disconnect()
    },
  }
}
