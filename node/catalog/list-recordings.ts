import { type SqlBool, sql } from 'kysely'
import type { Cursor } from './cursor.ts'
import type { CatalogDatabase } from './open-catalog.ts'
import {
  beginnings,
  beginsWith,
  conditions,
  type NamedColumn,
  type RecordingFilter,
} from './recording-filter.ts'
import type { RecordingRow } from './schema.ts'
import { hasWords, isRare, rareRows } from './search-words.ts'

// Pages by key, never by count, so that the ten-thousandth page costs what the first does.
// A part match or a beginning is rare or frequent, and needs the opposite plan each time: of a rare one its index names
// every row; for a frequent one it would name half of the catalog, while reading the list in order fills a page at once.

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
/** Up to here the rows that an index names are taken and sorted: some 10 ms. */
const rareRowsMax = 5000
/** Rows looked at by one statement of a frequent part match: some 20 ms, so that progress gets its turns in between. */
const windowRows = 20_000

export async function listRecordings(db: CatalogDatabase, query: ListQuery): Promise<Page> {
  const text = query.filter.text?.trim()
  const select = selectWith(db, query, await frequentBeginnings(db, query.filter))
  const rows = text
    ? await searchRows(db, query, text, select)
    : await select(query.after)
        .selectAll('recordings')
        .limit(query.limit + 1)
        .execute()
  if (rows.length <= query.limit) return { rows }
  const last = rows[query.limit - 1]!
  return { rows: rows.slice(0, query.limit), next: { startMs: last.startMs, id: last.id } }
}

type Select = ReturnType<typeof selectWith>

/** The rows that match, in order, from a cursor on; the text is left to the caller. */
function selectWith(db: CatalogDatabase, { filter, order }: ListQuery, frequent: ReadonlySet<NamedColumn>) {
  const direction = order === 'newest' ? 'desc' : 'asc'
  const than = sql.raw(order === 'newest' ? '<' : '>')
  return (after: Cursor | undefined) => {
    const select = db
      .selectFrom('recordings')
      .where((eb) => eb.and(conditions(eb, filter, frequent)))
      .orderBy('startMs', direction)
      .orderBy('id', direction)
    if (!after) return select
    return select.where(
      sql<SqlBool>`(${sql.ref('startMs')}, ${sql.ref('recordings.id')}) ${than} (${after.startMs}, ${after.id})`,
    )
  }
}

async function frequentBeginnings(
  db: CatalogDatabase,
  filter: RecordingFilter,
): Promise<ReadonlySet<NamedColumn>> {
  const frequent = new Set<NamedColumn>()
  for (const [column, beginning] of beginnings(filter)) {
    const found = db
      .selectFrom('recordings')
      .select(sql.lit(1).as('one'))
      .where((eb) => eb.and(beginsWith(eb, column, beginning)))
      .limit(rareRowsMax + 1)
    const { count } = await db
      .selectFrom(found.as('found'))
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow()
    if (count > rareRowsMax) frequent.add(column)
  }
  return frequent
}

async function searchRows(
  db: CatalogDatabase,
  query: ListQuery,
  text: string,
  select: Select,
): Promise<RecordingRow[]> {
  const named = await rareRows(db, text, rareRowsMax)
  if (named === undefined) return await scanRows(query, text, select)
  const rows = await select(query.after)
    .selectAll('recordings')
    .where(sql<SqlBool>`${sql.ref('recordings.row')} in (${named})`)
    .where(hasWords(text))
    .limit(query.limit + 1)
    .execute()
  // None: there are none, or so many that their rows were not looked at.
  return rows.length > 0 || (await isRare(db, text, rareRowsMax)) ? rows : scanRows(query, text, select)
}

// Walks the list in windows until the page is full or the list ends.
async function scanRows(query: ListQuery, text: string, select: Select): Promise<RecordingRow[]> {
  const found: RecordingRow[] = []
  const than = sql.raw(query.order === 'newest' ? '>=' : '<=')
  let after = query.after
  for (;;) {
    const edge = await select(after).select(['startMs', 'id']).offset(windowRows).limit(1).executeTakeFirst()
    let window = select(after)
    if (edge)
      window = window.where(
        sql<SqlBool>`(${sql.ref('startMs')}, ${sql.ref('recordings.id')}) ${than} (${edge.startMs}, ${edge.id})`,
      )
    const rows = await window
      .selectAll('recordings')
      .where(hasWords(text))
      .limit(query.limit + 1 - found.length)
      .execute()
    found.push(...rows)
    if (found.length > query.limit || !edge) return found
    after = edge
  }
}
