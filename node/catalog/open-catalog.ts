import { Kysely } from 'kysely'
import { migrate } from './migrate.ts'
import { isPostgres, postgresConnection } from './postgres-connection.ts'
import { postgresDialect } from './postgres-dialect.ts'
import { limitsOf, migrationLimits, postgresLimits } from './postgres-limits.ts'
import type { Database } from './schema.ts'
import { sqliteDialect } from './sqlite-dialect.ts'

export type CatalogDatabase = Kysely<Database>

/**
 * Opens the catalog at its newest schema, making it if it is absent. `connection`: the file of SQLite, or `postgres://…`.
 * `processes` = how many of the node have it open, which share the node's connections. Close it with `destroy()`. Throws
 * CatalogError where it cannot be used.
 */
export async function openCatalog(connection: string, processes = 1): Promise<CatalogDatabase> {
  const db = connectCatalog(connection, limitsOf(processes))
  try {
    if (isPostgres(connection)) await migratePostgres(connection)
    else await migrate(db)
    return db
  } catch (error) {
    await db.destroy()
    throw error
  }
}

/** As it is: whoever opens it so looks before it reads. `limits`: of PostgreSQL. */
export function connectCatalog(connection: string, limits = postgresLimits): CatalogDatabase {
  const dialect = isPostgres(connection)
    ? postgresDialect(postgresConnection(connection), limits)
    : sqliteDialect(connection)
  return new Kysely<Database>({ dialect })
}

async function migratePostgres(connection: string): Promise<void> {
  const db = connectCatalog(connection, migrationLimits)
  try {
    await migrate(db)
  } finally {
    await db.destroy()
  }
}
