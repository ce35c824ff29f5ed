import type { PostgresCursor, PostgresPoolClient, PostgresQueryResult } from 'kysely'
import pg from 'pg'
import { CatalogError } from './catalog-error.ts'
import type { PostgresPool } from './postgres-pool.ts'

/** Changes nothing, and may be said again on another connection when it was the first thing said. */
const repeatable = /^\s*(select|begin|start transaction)\b/i

/**
 * A connection for one statement or one transaction. When it breaks at the first statement and that one changes nothing,
 * another connection takes over, which hides a restart or failover between two uses. All else is `catalog-lost`, at once
 * and from then on: whether a commit under way was done, nobody here knows.
 */
export class PostgresLease implements PostgresPoolClient {
  readonly #pool: PostgresPool
  #client: pg.PoolClient | undefined
  #used = false
  #lost: Error | undefined

  constructor(pool: PostgresPool, client: pg.PoolClient) {
    this.#pool = pool
    this.#client = client
  }

  query<R>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>>
  query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>
  // biome-ignore lint/suspicious/noExplicitAny: a promise or a cursor, as the overloads say.
  query<R>(sql: string | PostgresCursor<R>, parameters: readonly unknown[] = []): any {
    if (typeof sql !== 'string') throw new Error('The catalog pages its results; it does not stream them.')
    return this.#query<R>(sql, parameters.map(withoutNul))
  }

  async #query<R>(sql: string, parameters: unknown[]): Promise<PostgresQueryResult<R>> {
    // The server has rolled back by itself, or will when the connection is closed.
    if (this.#lost && sql === 'rollback') return { command: 'SELECT', rowCount: 0, rows: [] }
    if (this.#lost) throw this.#lost
    const again = !this.#used && repeatable.test(sql)
    this.#used = true
    try {
      return await this.#send<R>(sql, parameters)
    } catch (error) {
      if (!isBroken(error)) throw refusalOf(error)
      this.#drop()
      if (!again) throw this.#lose(error)
    }
    try {
      this.#client = await this.#pool.take()
    } catch (error) {
      this.#lost = error as Error
      throw error
    }
    try {
      return await this.#send<R>(sql, parameters)
    } catch (error) {
      if (!isBroken(error)) throw refusalOf(error)
      this.#drop()
      throw this.#lose(error)
    }
  }

  async #send<R>(sql: string, parameters: unknown[]): Promise<PostgresQueryResult<R>> {
    const { command, rowCount, rows } = await this.#client!.query(sql, parameters)
    return { command: command as 'SELECT', rowCount: rowCount ?? 0, rows: rows as R[] }
  }

  #drop(): void {
    this.#pool.broke()
    this.#client?.release(true)
    this.#client = undefined
  }

  #lose(error: Error): Error {
    this.#lost = new CatalogError(
      'catalog-lost',
      `The connection to PostgreSQL broke while a statement ran (${error.message}).`,
      'It may have been done or not. The next one goes to a server that takes writes.',
      error,
    )
    return this.#lost
  }

  release(): void {
    this.#client?.release()
  }
}

/** PostgreSQL's text has no NUL, which a hostile session may put into its command. */
const withoutNul = (value: unknown) =>
  typeof value === 'string' && value.includes('\0') ? value.replaceAll('\0', '\ufffd') : value

// 57014: the statement took too long. 55P03: its lock did. 40P01: a deadlock, resolved against it.
function refusalOf(error: unknown): unknown {
  if (!(error instanceof pg.DatabaseError) || !['57014', '55P03', '40P01'].includes(error.code ?? ''))
    return error
  return new CatalogError(
    'catalog-busy',
    `PostgreSQL gave up a statement (${error.message}).`,
    'Nothing of it was done. Look for slow statements or locks in PostgreSQL (pg_stat_activity).',
    error,
  )
}

// 08: connection exceptions. 57P: the server stops, crashed, starts or cut an idle session. 25P03: idle in transaction.
// 25006: it takes no writes any more. What the server did not say, the connection or its time-out did.
function isBroken(error: unknown): error is Error {
  if (error instanceof TypeError) return false
  return !(error instanceof pg.DatabaseError) || /^(08|57P|25P03$|25006$)/.test(error.code ?? '')
}
