import { type Kysely, sql } from 'kysely'
import { speaksPostgres } from './postgres-dialect.ts'
import { hasWordIndex, searchWords } from './search-words.ts'

/** Rows filled by one statement of two values each. */
const fillRows = 1000

/** Makes the words of rows that came before there were any. */
export async function fillWords(db: Kysely<unknown>): Promise<void> {
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

/**
 * The search index, once more with each migration: a PostgreSQL that lacked the extension, or the right to it, may have
 * it now. Without it the quick search reads the list instead. True where there is one.
 */
export async function ensureWordIndex(db: Kysely<unknown>): Promise<boolean> {
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

async function hasTrigrams(db: Kysely<unknown>): Promise<boolean> {
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
