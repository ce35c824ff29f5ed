import { type Kysely, Migrator } from 'kysely'
import { CatalogError } from './catalog-error.ts'
import { migrations } from './migrations.ts'
import { SqliteError } from './sqlite-dialect.ts'

const newest = Object.keys(migrations).at(-1)!
const sqliteBusy = 5

export interface CatalogVersion {
  /** The last migration that was run; none in an empty database. */
  found?: string
  /** The last one known here. */
  expected: string
  state: 'empty' | 'older' | 'current' | 'newer'
}

/** Changes nothing. */
export async function readVersion<T>(db: Kysely<T>): Promise<CatalogVersion> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true })
  const run = tables.some(({ name }) => name === 'kysely_migration') ? await runMigrations(db) : []
  const found = run.at(-1)
  if (found === undefined) return { expected: newest, state: 'empty' }
  const newer = run.some((name) => !(name in migrations))
  return {
    found,
    expected: newest,
    state: newer ? 'newer' : run.includes(newest) ? 'current' : 'older',
  }
}

/**
 * Brings the catalog to the newest schema in one transaction. Who comes meanwhile waits: for PostgreSQL's advisory lock,
 * or for SQLite's. Throws CatalogError `catalog-newer`, `catalog-rights`, `catalog-busy`, or what stopped it.
 */
export async function migrate<T>(db: Kysely<T>): Promise<void> {
  await refuseNewer(db)
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => migrations },
    // Kysely orders those that were run by the clocks of the nodes that ran them.
    allowUnorderedMigrations: true,
  })
  const { error } = await migrator.migrateToLatest()
  if (error === undefined) return
  // A newer node may have been first.
  await refuseNewer(db)
  throw refusalOf(error)
}

async function refuseNewer<T>(db: Kysely<T>): Promise<void> {
  const { state, found, expected } = await readVersion(db)
  if (state !== 'newer') return
  throw new CatalogError(
    'catalog-newer',
    `The catalog is at version ${found}, which a newer Tapedeck made; expected ${expected} or older.`,
    'Upgrade this node, or use a catalog of its version.',
  )
}

function refusalOf(error: unknown): unknown {
  if ((error as { code?: unknown }).code === '42501')
    return new CatalogError(
      'catalog-rights',
      `The catalog must be brought to version ${newest}, and its role may not: ${(error as Error).message}.`,
      "Run 'tapedeck db migrate --admin CONNECTION' with an administrator's connection.",
      error,
    )
  if (error instanceof SqliteError && error.number === sqliteBusy)
    return new CatalogError(
      'catalog-busy',
      `The catalog must be brought to version ${newest}, and another process holds it.`,
      'Stop what else uses the file, or wait until that has migrated it.',
      error,
    )
  return error
}

async function runMigrations<T>(db: Kysely<T>): Promise<string[]> {
  const rows = await (db as unknown as Kysely<{ kysely_migration: { name: string } }>)
    .selectFrom('kysely_migration')
    .select('name')
    .orderBy('name')
    .execute()
  return rows.map(({ name }) => name)
}
