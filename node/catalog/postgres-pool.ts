import type { PostgresPool as KyselyPool } from 'kysely'
import pg from 'pg'
import { CatalogError } from './catalog-error.ts'
import { type AskPassword, clientConfigs, messageOf } from './postgres-client.ts'
import { hostText, type PostgresConnection, type PostgresHost } from './postgres-connection.ts'
import { PostgresLease } from './postgres-lease.ts'
import type { PostgresLimits } from './postgres-limits.ts'

// `pg` knows one server; a farm has several, of which one takes writes, now this and then that. There is a pool for each,
// filled when it is used. Who asks for a connection gets one to a server that takes writes, asked in turn from the one
// that did last. After a connection broke, those opened before are not trusted: a partition leaves them open for hours.

interface Server {
  host: PostgresHost
  pool: pg.Pool
}

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
    password?: AskPassword,
  ): Promise<PostgresPool> {
    const config = await clientConfigs(connection, limits, password)
    return new PostgresPool(
      connection.hosts.map((host) => ({
        host,
        pool: new pg.Pool({
          ...config(host),
          max: limits.connectionsMax,
          idleTimeoutMillis: limits.idleMsMax,
          Client: EndingClient,
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
        said.push(`${hostText(host)}: ${messageOf(error)}`)
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

// When it gives up while signing in, `pg` leaves the socket open until the server gives up, too.
class EndingClient extends pg.Client {
  override connect(): Promise<pg.Client>
  override connect(done: (error: Error) => void): void
  override connect(done?: (error: Error) => void): Promise<pg.Client> | undefined {
    if (!done) return super.connect()
    super.connect((error: Error) => {
      if (error) this.end(() => undefined)
      done(error)
    })
    return undefined
  }
}

async function ensureWritable(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ transaction_read_only: string }>('show transaction_read_only')
  if (rows[0]?.transaction_read_only !== 'off')
    throw new Error('it takes no writes: a standby, or set read-only')
}
