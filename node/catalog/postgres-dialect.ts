import { type Dialect, type Kysely, PostgresAdapter, PostgresDialect } from 'kysely'
import type { AskPassword } from './postgres-client.ts'
import type { PostgresConnection } from './postgres-connection.ts'
import type { PostgresLimits } from './postgres-limits.ts'
import { PostgresPool } from './postgres-pool.ts'

/** Kysely over `pg`, whichever of the hosts takes writes. `password`: instead of the connection's own file. */
export function postgresDialect(
  connection: PostgresConnection,
  limits: PostgresLimits,
  password?: AskPassword,
): Dialect {
  return new PostgresDialect({ pool: () => PostgresPool.open(connection, limits, password) })
}

/** Migrations know no tables, the catalog's functions theirs; some code serves both. */
// biome-ignore lint/suspicious/noExplicitAny: of whatever tables.
export type AnyDatabase = Kysely<any>

/** For the few things that the databases do each in its own way. */
export function speaksPostgres(db: AnyDatabase): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter
}
