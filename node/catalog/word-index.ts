import { sql } from 'kysely'
import { exclusively } from './exclusively.ts'
import type { CatalogDatabase } from './open-catalog.ts'
import { type AnyDatabase, speaksPostgres } from './postgres-dialect.ts'
import { hasWordIndex, searchWords } from './search-words.ts'

/** Rows filled by one statement of two values each. */
const fillRows = 1000

/** Makes the words of rows that came before there were any. */
export async function fillWords(db: AnyDatabase): Promise<void> {
  for (let after = -1; ; ) {
    const { rows } = await sql<Parameters<typeof searchWords>[0] & { row: number }>`
      select "row", "userName", host, application, command, "clientName", "clientAddress" from recordings
      where "row" > ${after} order by "row" limit ${fillRows}`.execute(db)
    if (rows.length === 0) return
    const values = rows.map((row) => sql`(cast(${row.row} as bigint), ${searchWords(row)})`)
    await sql`update recordings set words = v.column2 from (values ${sql.join(values)}) as v
      where recordings."row" = v.column1`.execute(db)
    after = rows.at(-1)!.row
  }
}

/** The search index where a PostgreSQL lacked the extension, or the right to it, when it was migrated. */
export async function retryWordIndex(db: CatalogDatabase): Promise<boolean> {
  return await exclusively(db, 'word-index', ensureWordIndex)
}

/** True where there is one now. Without it the quick search reads the list instead. In a transaction. */
export async function ensureWordIndex(db: AnyDatabase): Promise<boolean> {
  if (!speaksPostgres(db)) {
    await sql`drop trigger if exists "recordingWordsAdd"`.execute(db)
    await sql`create trigger "recordingWordsAdd" after insert on recordings begin
      insert into "recordingWords"(rowid, words) values (new.row, new.words); end`.execute(db)
    return true
  }
  if (await hasWordIndex(db)) return true
  if (!(await hasTrigrams(db))) return false
  await sql`create index "recordingsByWords" on recordings using gin (words gin_trgm_ops)`.execute(db)
  return true
}

/** Not permitted · no such extension on the server (its file is missing, or not allowed). */
const refused = ['42501', '58P01', '0A000']

async function hasTrigrams(db: AnyDatabase): Promise<boolean> {
  await sql`savepoint trigrams`.execute(db)
  try {
    await sql`create extension if not exists pg_trgm`.execute(db)
    return true
  } catch (error) {
    if (!refused.includes((error as { code?: string }).code ?? '')) throw error
    await sql`rollback to savepoint trigrams`.execute(db)
    return false
  }
}
