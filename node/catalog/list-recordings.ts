import type { Cursor } from './cursor.ts'
import { frequentBeginnings, type ListQuery, selectWith } from './list-select.ts'
import type { CatalogDatabase } from './open-catalog.ts'
import { recordingStates } from './recording-filter.ts'
import type { RecordingRow } from './schema.ts'
import { searchRows } from './search-recordings.ts'

// Pages by key, never by count, so that the ten-thousandth page costs what the first does.
// A part match or a beginning is rare or frequent, and needs the opposite plan each time: of a rare one its index names
// every row; for a frequent one it would name half of the catalog, while reading the list in order fills a page at once.

export interface Page {
  rows: RecordingRow[]
  next?: Cursor
}

/** What SPEC S15 allows in one answer. */
export const pageRowsMax = 500
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
