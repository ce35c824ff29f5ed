import { sql } from 'kysely'
import type { CatalogDatabase } from './open-catalog.ts'
import type { Database } from './schema.ts'

// A catalog moves to another database with all that cannot be read from the store again. What is there already stays.

/** Every table by its key, those that others refer to first. */
export const copiedTables = {
  users: 'name',
  signIns: 'hash',
  tickets: 'hash',
  apiTokens: 'hash',
  agents: 'id',
  enrolmentTokens: 'hash',
  settings: 'name',
  tombstones: 'recording',
  recordings: 'id',
} as const satisfies Record<keyof Database, string>

/** Of one statement: with 34 columns far below the 32,766 parameters of SQLite. */
const rowsMax = 500

/** Rows copied. The source should be at rest. */
export async function copyCatalog(from: CatalogDatabase, to: CatalogDatabase): Promise<number> {
  let copied = 0
  for (const [table, key] of Object.entries(copiedTables)) {
    let after = ''
    for (;;) {
      const { rows } = await sql<Record<string, unknown>>`
        select * from ${sql.table(table)} where ${sql.ref(key)} > ${after}
        order by ${sql.ref(key)} limit ${rowsMax}`.execute(from)
      if (rows.length === 0) break
      after = String(rows.at(-1)![key])
      copied += await insert(to, table, rows)
    }
  }
  return copied
}

async function insert(to: CatalogDatabase, table: string, rows: Record<string, unknown>[]): Promise<number> {
  // Numbered anew, in the order they come.
  const columns = Object.keys(rows[0]!).filter((column) => column !== 'row')
  const values = rows.map((row) => sql`(${sql.join(columns.map((column) => row[column]))})`)
  const { numAffectedRows } = await sql`insert into ${sql.table(table)}
    (${sql.join(columns.map((column) => sql.ref(column)))}) values ${sql.join(values)}
    on conflict do nothing`.execute(to)
  return Number(numAffectedRows ?? 0n)
}
