import { readFile } from 'node:fs/promises'
import type { ConnectionOptions } from 'node:tls'
import pg from 'pg'
import pgpass from 'pgpass'
import { CatalogError } from './catalog-error.ts'
import { type PostgresConnection, type PostgresHost, type PostgresTls, tlsOf } from './postgres-connection.ts'
import type { PostgresLimits } from './postgres-limits.ts'

/** Called when a server asks for one, each time. */
export type AskPassword = (host: PostgresHost) => Promise<string | undefined>

const int8 = 20

/** What `pg` needs for each host. Reads the authority's certificate; throws CatalogError where it cannot. */
export async function clientConfigs(
  connection: PostgresConnection,
  limits: PostgresLimits,
  password: AskPassword = (host) => storedPassword(connection, host),
): Promise<(host: PostgresHost) => pg.ClientConfig> {
  const ca = await authority(connection.rootCertificate)
  return (host) => ({
    host: host.host,
    port: host.port,
    user: connection.user,
    database: connection.database,
    password: () => password(host) as Promise<string>,
    ssl: tlsOptions(tlsOf(connection, host), ca),
    application_name: 'tapedeck',
    connectionTimeoutMillis: limits.connectMsMax,
    statement_timeout: limits.statementMsMax,
    query_timeout: limits.answerMsMax,
    lock_timeout: limits.lockMsMax,
    idle_in_transaction_session_timeout: limits.idleTransactionMsMax,
    keepAlive: true,
    keepAliveInitialDelayMillis: limits.keepAliveMs,
    types: { getTypeParser },
  })
}

/** A whole number of the catalog stays below 2^53; PostgreSQL counts and adds in 64 bits, which `pg` gives as text. */
const getTypeParser: typeof pg.types.getTypeParser = (oid: number, format?: 'text' | 'binary') =>
  oid === int8 ? Number : pg.types.getTypeParser(oid, format as 'text')

/** That of the connection's passwordFile, or of PGPASSFILE. */
export async function storedPassword(
  { user, database, passwordFile }: PostgresConnection,
  { host, port }: PostgresHost,
): Promise<string | undefined> {
  if (passwordFile !== undefined) return await readPassword(passwordFile)
  return await new Promise((resolve) => pgpass({ host, port, user, database }, resolve))
}

export async function readPassword(file: string): Promise<string> {
  return (await readFile(file, 'utf8')).replace(/\r?\n$/, '')
}

async function authority(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new CatalogError(
      'catalog-connection',
      `The certificate of sslrootcert cannot be read: ${messageOf(error)}.`,
      'Name the PEM file of the authority of PostgreSQL’s certificate.',
      error,
    )
  }
}

function tlsOptions(mode: PostgresTls, ca: string | undefined): ConnectionOptions | false {
  if (mode === 'disable') return false
  return {
    minVersion: 'TLSv1.2',
    ...(ca !== undefined && { ca }),
    rejectUnauthorized: mode !== 'require',
    ...(mode === 'verify-ca' && { checkServerIdentity: () => undefined }),
  }
}

/** An AggregateError (a name with several addresses) has no text of its own. */
export function messageOf(error: unknown): string {
  return error instanceof AggregateError
    ? error.errors.map(({ message }) => message).join(', ')
    : (error as Error).message
}
