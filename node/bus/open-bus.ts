import { readFile } from 'node:fs/promises'
import { type Bus, openSilentBus } from './bus.ts'
import { openClusterBus, type WorkerChannel } from './cluster-bus.ts'
import { openRedisBus, type RedisBusOptions } from './redis-bus.ts'

export interface BusOptions extends Pick<RedisBusOptions, 'farm' | 'onState'> {
  redis?: RedisConnection
  /** To the primary, where this process is one of several workers. */
  channel?: WorkerChannel
}

export interface RedisConnection {
  /** redis:// or rediss://, without a password. */
  url: string
  /** The password and nothing else. */
  passwordFile?: string
}

/** By Redis where there is one: it reaches this node's own workers, too. */
export async function openBus({ redis, channel, farm, onState }: BusOptions): Promise<Bus> {
  if (redis) {
    const password = redis.passwordFile && (await readFile(redis.passwordFile, 'utf8')).trim()
    return openRedisBus({ url: redis.url, farm, onState, ...(password && { password }) })
  }
  return channel ? openClusterBus(channel) : openSilentBus()
}
