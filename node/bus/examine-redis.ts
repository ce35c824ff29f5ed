import { readFile } from 'node:fs/promises'
import { Redis } from 'ioredis'
import { type Finding, fail, ok } from '../catalog/finding.ts'
import type { RedisConnection } from './open-bus.ts'

/** Redis is asked once by an operator who waits. */
const answerMsMax = 3_000

/** Looks whether a node could use this Redis. Never throws. */
export async function examineRedis({ url, passwordFile }: RedisConnection): Promise<Finding> {
  let client: Redis | undefined
  let why = ''
  try {
    const password = passwordFile && (await readFile(passwordFile, 'utf8')).trim()
    client = new Redis(url, {
      lazyConnect: true,
      connectTimeout: answerMsMax,
      commandTimeout: answerMsMax,
      retryStrategy: () => null,
      maxRetriesPerRequest: 0,
      ...(password && { password }),
    })
    // What `connect` rejects with says only that the connection was closed.
    client.on('error', (error: Error) => {
      why = error.message
    })
    await client.connect()
    const startMs = performance.now()
    await client.ping()
    return ok('redis', `${url} answers in ${(performance.now() - startMs).toFixed(2)} ms`)
  } catch (error) {
    return fail(
      'redis',
      `${url}: ${why || (error as Error).message}`,
      'Start it, and let this machine in. Without it live views read files, and nodes do not hear from each other.',
    )
  } finally {
    client?.disconnect()
  }
}
