import { type RawBuilder, type SqlBool, sql } from 'kysely'
import type { CatalogDatabase } from './open-catalog.ts'
import { type AnyDatabase, speaksPostgres } from './postgres-dialect.ts'

// The quick search looks for a part of a recording's words: one column with all that it looks at, lower-cased here and not
// by the database, of which each knows other letters. An index of trigrams (SQLite's FTS5, PostgreSQL's pg_trgm where it
// can be had) names the rows of a rare part.

export function searchWords(row: {
  userName: string
  host: string
  application: string
  command: string
  clientName: string
  clientAddress: string
}): string {
  const { userName, host, application, command, clientName, clientAddress } = row
  return lowered([userName, host, application, command, clientName, clientAddress].join('\n'))
}

// Neither database looks behind a NUL.
const lowered = (text: string) => text.replaceAll('\0', '\ufffd').toLowerCase()
const patternOf = (text: string) => `%${lowered(text).replace(/[\\%_]/g, '\\$&')}%`

/** True for rows whose words have `text` in them, in any case. */
export function hasWords(text: string): RawBuilder<SqlBool> {
  return sql<SqlBool>`${sql.ref('recordings.words')} like ${patternOf(text)} escape '\\'`
}

/** The rows that the index names for `text`; `undefined` where they are more than `max`, or no index can tell. */
export async function namedRows(
  db: CatalogDatabase,
  text: string,
  max: number,
): Promise<number[] | undefined> {
  if ([...text].length < 3) return undefined
  if (speaksPostgres(db) && !(await hasWordIndex(db))) return undefined
  const named = speaksPostgres(db)
    ? sql<{ row: number }>`select "row" from recordings where words like ${patternOf(text)} limit ${max + 1}`
    : sql<{ row: number }>`select rowid as "row" from "recordingWords"
        where "recordingWords" match ${trigramQuery(text)} limit ${max + 1}`
  const { rows } = await named.execute(db)
  return rows.length > max ? undefined : rows.map(({ row }) => row)
}

/** True for these rows, in one parameter. */
export function isAmong(db: CatalogDatabase, rows: number[]): RawBuilder<SqlBool> {
  const row = sql.ref('recordings.row')
  return speaksPostgres(db)
    ? sql<SqlBool>`${row} = any(${rows})`
    : sql<SqlBool>`${row} in (select value from json_each(${JSON.stringify(rows)}))`
}

/** FTS5's question for all trigrams of the text. The match itself is checked on the rows. */
function trigramQuery(text: string): string {
  const letters = [...lowered(text)]
  const trigrams = new Set(letters.slice(0, -2).map((_, i) => letters.slice(i, i + 3).join('')))
  return [...trigrams].map((trigram) => `"${trigram.replaceAll('"', '""')}"`).join(' AND ')
}

export async function hasWordIndex(db: AnyDatabase): Promise<boolean> {
  const { rows } = await sql<{ found: boolean }>`
    select to_regclass('"recordingsByWords"') is not null as found`.execute(db)
  return rows[0]!.found
}
