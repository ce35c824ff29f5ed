import { type SqlBool, sql } from 'kysely'
import type { Cursor } from './cursor.ts'
import type { CatalogDatabase } from './open-catalog.ts'
import { conditions, containsText, type RecordingFilter } from './recording-filter.ts'
import type { RecordingRow } from './schema.ts'

// Pages by key, never by count, so that the ten-thousandth page costs what the first does.
// A part match is rare or frequent, and needs the opposite plan each time: of a rare one the search index names every row;
// for a frequent one it would name half of the catalog, while reading the list in order fills a page at once.

export interface ListQuery {
  filter: RecordingFilter
  /** `newest` first unless told. */
  order: 'newest' | 'oldest'
  limit: number
  after?: Cursor
}

export interface Page {
  rows: RecordingRow[]
  next?: Cursor
}

/** What SPEC S15 allows in one answer. */
export const pageRowsMax = 500
/** Up to here the search index's rows are taken and sorted: some 10 ms. */
const rareRowsMax = 5000
/** Rows looked at by one statement of a frequent part match: some 20 ms, so that progress gets its turns in between. */
const windowRows = 20_000

export async function listRecordings(db: CatalogDatabase, query: ListQuery): Promise<Page> {
  const text = query.filter.text?.trim()
  const rows = text ? await searchRows(db, query, text) : await orderedRows(db, query, query.limit + 1)
  if (rows.length <= query.limit) return { rows }
  const last = rows[query.limit - 1]!
  return { rows: rows.slice(0, query.limit), next: { startMs: last.startMs, id: last.id } }
}

function select(db: CatalogDatabase, { filter, order, after }: ListQuery) {
  const direction = order === 'newest' ? 'desc' : 'asc'
  let select = db
    .selectFrom('recordings')
    .where((eb) => eb.and(conditions(eb, filter)))
    .orderBy('startMs', direction)
    .orderBy('id', direction)
  if (after) {
    const than = sql.raw(order === 'newest' ? '<' : '>')
    select = select.where(
      sql<SqlBool>`(${sql.ref('startMs')}, ${sql.ref('recordings.id')}) ${than} (${after.startMs}, ${after.id})`,
    )
  }
  return select
}

function orderedRows(db: CatalogDatabase, query: ListQuery, limit: number): Promise<RecordingRow[]> {
  return select(db, query).selectAll('recordings').limit(limit).execute()
}

async function searchRows(db: CatalogDatabase, query: ListQuery, text: string): Promise<RecordingRow[]> {
  const words = trigramQuery(text)
  const rare = words && (await isRare(db, words))
  if (rare)
    return await select(db, query)
      .selectAll('recordings')
      .where('row', 'in', wordRows(words))
      .where((eb) => containsText(eb, text))
      .limit(query.limit + 1)
      .execute()
  return await scanRows(db, query, text)
}

// Walks the list in windows until the page is full or the list ends.
async function scanRows(db: CatalogDatabase, query: ListQuery, text: string): Promise<RecordingRow[]> {
  const found: RecordingRow[] = []
  let after = query.after
  for (;;) {
    const at = { ...query, ...(after && { after }) }
    const edge = await select(db, at).select(['startMs', 'id']).offset(windowRows).limit(1).executeTakeFirst()
    let window = select(db, at)
    if (edge) {
      const than = sql.raw(query.order === 'newest' ? '>=' : '<=')
      window = window.where(
        sql<SqlBool>`(${sql.ref('startMs')}, ${sql.ref('recordings.id')}) ${than} (${edge.startMs}, ${edge.id})`,
      )
    }
    const rows = await window
      .selectAll('recordings')
      .where((eb) => containsText(eb, text))
      .limit(query.limit + 1 - found.length)
      .execute()
    found.push(...rows)
    if (found.length > query.limit || !edge) return found
    after = edge
  }
}

/** All trigrams of the text, for the index; shorter texts have none. The match itself is checked on the rows. */
export function trigramQuery(text: string): string | undefined {
  const letters = [...text.toLowerCase()]
  if (letters.length < 3) return undefined
  const trigrams = new Set(letters.slice(0, -2).map((_, i) => letters.slice(i, i + 3).join('')))
  return [...trigrams]
    .map((trigram) => `"${trigram.replaceAll('"', '""')}"`)
    .join(' and ')
    .replaceAll(' and ', ' AND ')
}

const wordRows = (words: string) =>
  sql<number>`(select rowid from "recordingWords" where "recordingWords" match ${words})`

async function isRare(db: CatalogDatabase, words: string): Promise<boolean> {
  const { rows } = await sql<{ count: number }>`select count(*) as count from
    (select 1 from "recordingWords" where "recordingWords" match ${words} limit ${rareRowsMax + 1})`.execute(
    db,
  )
  return rows[0]!.count <= rareRowsMax
}
