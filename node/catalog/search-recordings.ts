import { type SqlBool, sql } from 'kysely'
import { frequentBeginnings, type ListQuery, rareRowsMax, type Select, selectWith } from './list-select.ts'
import type { CatalogDatabase } from './open-catalog.ts'
import type { RecordingRow } from './schema.ts'
import { hasWords, isAmong, namedRows } from './search-words.ts'

/** Rows looked at before the search index is asked: some 5 ms. A page of 50 is full of what one in a hundred has. */
const firstRows = 5000
/** Rows looked at by one statement of a frequent part match: some 20 ms, so that progress gets its turns in between. */
const windowRows = 20_000

// Of a frequent text the first rows of the list fill a page; of a rare one the index names all; what is neither, or is
// frequent elsewhere, is read on for.
export async function searchRows(
  db: CatalogDatabase,
  query: ListQuery,
  text: string,
): Promise<RecordingRow[]> {
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
