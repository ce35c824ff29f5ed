import { isPostgres } from '../../node/catalog/postgres-connection.ts'

// Which of a node's settings are the farm's, and which its own.

export const secretNames = ['farmKey', 'tlsKey', 'tlsCert', 'catalogPassword', 'redisPassword'] as const
export type SecretName = (typeof secretNames)[number]

/** Its name, where it listens, and where its files lie. */
const own = [
  'name',
  'host',
  'tlsKey',
  'tlsCert',
  'farmKey',
  'importerKey',
  'temp',
  'web',
  'redisPasswordFile',
  'restore',
]

export function sharedSettings(config: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(config).filter(([key]) => !own.includes(key)))
}

export function ownSettings(config: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(config).filter(([key]) => own.includes(key)))
}

/** The connection with its password in another file; one without a password stays as it is. */
export function withPasswordFile(connection: unknown, path: string): unknown {
  if (typeof connection !== 'string' || !isPostgres(connection)) return connection
  return connection.replace(/([?&]passwordFile=)[^&]*/, (_, key: string) => key + encodeURIComponent(path))
}
