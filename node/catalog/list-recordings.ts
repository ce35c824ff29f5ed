import { type SqlBool, sql } from 'kysely'
import type { Cursor } from './cursor.ts'
import type { CatalogDatabase } from './open-catalog.ts'
import {
  beginnings,
  beginsWith,
  conditions,
  type NamedColumn,
  type RecordingFilter,
  recordingStates,
} from './recording-filter.ts'
import type { RecordingRow } from './schema.ts'
import { hasWords, isAmong, namedRows } from './search-words.ts'

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
/** Rows looked at before the search index is asked: some 5 ms. A page of 50 is full of what one in a hundred has. */
const firstRows = 5000
/** Rows looked at by one statement of a frequent part match: some 20 ms, so that progress gets its turns in between. */
const windowRows = 20_000

export async function listRecordings(db: CatalogDatabase, query: ListQuery): Promise<Page> {
  const text = query.filter.text?.trim()
  const rows = text ? await searchRows(db, query, text) : await orderedRows(db, query)
  if (rows.length <= query.limit) return { rows }
  const last = rows[query.limit - 1]!
  return { rows: rows.slice(0, query.limit), next: { startMs: last.startMs, id: last.id } }
}

/** One more than the page has, if there are so many. */
async function orderedRows(db: CatalogDatabase, query: ListQuery): Promise<RecordingRow[]> {
  const { filter, order, limit } = query
  const frequent = await frequentBeginnings(db, filter)
  const states = [...new Set(filter.states)]
  const several = states.length > 1 && states.length < recordingStates.length
  const rows: RecordingRow[] = []
  // Each state's rows lie in order, several states' do not: a page of each has the page of all.
  for (const part of several ? states.map((state) => ({ ...filter, states: [state] })) : [filter]) {
    const select = selectWith(db, { ...query, filter: part }, frequent)(query.after)
    rows.push(
      ...(await select
        .selectAll('recordings')
        .limit(limit + 1)
        .execute()),
    )
  }
  const sign = order === 'newest' ? -1 : 1
  if (several) rows.sort((a, b) => sign * (a.startMs - b.startMs || (a.id < b.id ? -1 : 1)))
  return rows.slice(0, limit + 1)
}

type Select = ReturnType<typeof selectWith>

/** The rows that match, in order, from a cursor on; the text is left to the caller. */
function selectWith(db: CatalogDatabase, { filter, order }: ListQuery, frequent: ReadonlySet<NamedColumn>) {
  const direction = order === 'newest' ? 'desc' : 'asc'
  const than = sql.raw(order === 'newest' ? '<' : '>')
  // Of a rare beginning all rows are taken and sorted: no index is on the start with nothing added.
  const isRare = beginnings(filter).some(([column]) => !frequent.has(column))
  return (after: Cursor | undefined) => {
    const select = db
      .selectFrom('recordings')
      .where((eb) => eb.and(conditions(eb, filter, frequent)))
      .orderBy(isRare ? sql`"startMs" + 0` : 'startMs', direction)
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

// Of a frequent text the first rows of the list fill a page; of a rare one the index names all; what is neither, or is
// frequent elsewhere, is read on for.
async function searchRows(db: CatalogDatabase, query: ListQuery, text: string): Promise<RecordingRow[]> {
  const select = selectWith(db, query, await frequentBeginnings(db, query.filter))
  const limit = query.limit + 1
  const first = await db
    .selectFrom(select(query.after).selectAll('recordings').limit(firstRows).as('recordings'))
    .selectAll()
    .where(hasWords(text))
    .orderBy('startMs', query.order === 'newest' ? 'desc' : 'asc')
    .orderBy('id', query.order === 'newest' ? 'desc' : 'asc')
    .limit(limit)
    .execute()
  if (first.length === limit) return first
  const named = await namedRows(db, text, rareRowsMax)
  if (named === undefined) return await scanRows(query, text, select)
  if (named.length === 0) return []
  return await select(query.after)
    .selectAll('recordings')
    .where(isAmong(db, named))
    .where(hasWords(text))
    .limit(limit)
    .execute()
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
