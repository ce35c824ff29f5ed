import { sql } from 'kysely'
import type { CatalogDatabase } from './open-catalog.ts'
import { speaksPostgres } from './postgres-dialect.ts'

/**
 * A transaction in which no other of the same `name` runs, on any node: for what is decided by rows that others may add.
 * SQLite has one transaction at a time anyway.
 */
export async function exclusively<T>(
  db: CatalogDatabase,
  name: string,
  work: (trx: CatalogDatabase) => Promise<T>,
): Promise<T> {
  return await db.transaction().execute(async (trx) => {
    if (speaksPostgres(trx))
      await sql`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`.execute(trx)
    return await work(trx)
  })
}
