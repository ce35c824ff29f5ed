import { Kysely } from 'kysely'
import { migrate } from './migrations.ts'
import type { Database } from './schema.ts'
import { sqliteDialect } from './sqlite-dialect.ts'

export type CatalogDatabase = Kysely<Database>

/** Opens the catalog at its newest schema, making it if it is absent. Close it with `destroy()`. */
export async function openCatalog(file: string): Promise<CatalogDatabase> {
  const db: CatalogDatabase = new Kysely<Database>({ dialect: sqliteDialect(file) })
  try {
    await migrate(db)
    return db
  } catch (error) {
    await db.destroy()
    throw error
  }
}
