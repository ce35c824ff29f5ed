import { readFile } from 'node:fs/promises'
import type { ConnectionOptions } from 'node:tls'
import type { PostgresPool as KyselyPool } from 'kysely'
import pg from 'pg'
import pgpass from 'pgpass'
import { CatalogError } from './catalog-error.ts'
import {
  hostText,
  type PostgresConnection,
  type PostgresHost,
  type PostgresTls,
  tlsOf,
} from './postgres-connection.ts'
import { PostgresLease } from './postgres-lease.ts'
import type { PostgresLimits } from './postgres-limits.ts'

// `pg` knows one server; a farm has several, of which one takes writes, now this and then that. There is a pool for each,
// filled when it is used. Who asks for a connection gets one to a server that takes writes, asked in turn from the one
// that did last. After a connection broke, those opened before are not trusted: a partition leaves them open for hours.

interface Server {
  host: PostgresHost
  pool: pg.Pool
}

const int8 = 20

export class PostgresPool implements KyselyPool {
  readonly #servers: Server[]
  readonly #opened = new WeakMap<pg.PoolClient, number>()
  #current = 0
  #breaks = 0

  private constructor(servers: Server[]) {
    this.#servers = servers
    for (const { pool } of servers) {
      pool.on('connect', (client) => {
        this.#opened.set(client, this.#breaks)
        // One that breaks while it is used fails its statement too, which is told there.
        client.on('error', () => undefined)
      })
      pool.on('error', () => this.broke())
    }
  }

  /** Reads the authority's certificate; connects to nothing yet. */
  static async open(
    connection: PostgresConnection,
    limits: PostgresLimits,
    password = (host: PostgresHost) => storedPassword(connection, host),
  ): Promise<PostgresPool> {
    const { rootCertificate } = connection
    const ca = rootCertificate === undefined ? undefined : await readFile(rootCertificate, 'utf8')
    return new PostgresPool(
      connection.hosts.map((host) => ({
        host,
        pool: new pg.Pool({
          host: host.host,
          port: host.port,
          user: connection.user,
          database: connection.database,
          password: () => password(host) as Promise<string>,
          ssl: tlsOptions(tlsOf(connection, host), ca),
          application_name: 'tapedeck',
          max: limits.connectionsMax,
          connectionTimeoutMillis: limits.connectMsMax,
          statement_timeout: limits.statementMsMax,
          query_timeout: limits.answerMsMax,
          lock_timeout: limits.lockMsMax,
          idle_in_transaction_session_timeout: limits.idleTransactionMsMax,
          idleTimeoutMillis: limits.idleMsMax,
          keepAlive: true,
          keepAliveInitialDelayMillis: limits.keepAliveMs,
          types: { getTypeParser },
          onConnect: ensureWritable,
        }),
      })),
    )
  }

  async connect(): Promise<PostgresLease> {
    return new PostgresLease(this, await this.take())
  }

  /** A connection to a server that takes writes. Throws CatalogError `catalog-away` or `catalog-busy`. */
  async take(): Promise<pg.PoolClient> {
    const first = this.#current
    const said: string[] = []
    for (let i = 0; i < this.#servers.length; i++) {
      const at = (first + i) % this.#servers.length
      const { host, pool } = this.#servers[at]!
      try {
        const client = await this.#fresh(pool)
        this.#current = at
        return client
      } catch (error) {
        if (error instanceof CatalogError) throw error
        said.push(`${hostText(host)}: ${messageOf(error as Error)}`)
      }
    }
    throw new CatalogError(
      'catalog-away',
      `No PostgreSQL server takes writes now (${said.join('; ')}).`,
      "It is tried again at the next use; 'tapedeck db test' says what to do about each server.",
    )
  }

  async #fresh(pool: pg.Pool): Promise<pg.PoolClient> {
    for (;;) {
      const client = await pool.connect().catch((error: Error) => {
        if (!/^timeout exceeded/.test(error.message)) throw error
        throw new CatalogError(
          'catalog-busy',
          `No connection to PostgreSQL came free: all ${pool.options.max} are in use.`,
          'Look for slow statements or locks in PostgreSQL (pg_stat_activity).',
          error,
        )
      })
      if (this.#opened.get(client) === this.#breaks) return client
      client.release(true)
    }
  }

  /** A connection broke. */
  broke(): void {
    this.#breaks += 1
  }

  async end(): Promise<void> {
    await Promise.all(this.#servers.map(({ pool }) => pool.end()))
  }
}

/** A whole number of the catalog stays below 2^53; PostgreSQL counts and adds in 64 bits, which `pg` gives as text. */
const getTypeParser: typeof pg.types.getTypeParser = (oid: number, format?: 'text' | 'binary') =>
  oid === int8 ? Number : pg.types.getTypeParser(oid, format as 'text')

async function ensureWritable(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ transaction_read_only: string }>('show transaction_read_only')
  if (rows[0]?.transaction_read_only !== 'off')
    throw new Error('it takes no writes: a standby, or set read-only')
}

async function storedPassword(
  { user, database, passwordFile }: PostgresConnection,
  { host, port }: PostgresHost,
): Promise<string | undefined> {
  if (passwordFile !== undefined) return (await readFile(passwordFile, 'utf8')).replace(/\r?\n$/, '')
  return await new Promise((resolve) => pgpass({ host, port, user, database }, resolve))
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
function messageOf(error: Error): string {
  return error instanceof AggregateError
    ? error.errors.map(({ message }) => message).join(', ')
    : error.message
}
