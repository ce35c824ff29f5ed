import { type SqlBool, sql } from 'kysely'
import { frequentBeginnings, type ListQuery, rareRowsMax, selectWith } from './list-select.ts'
import type { CatalogDatabase } from './open-catalog.ts'
import type { RecordingRow } from './schema.ts'
import { hasWords, isAmong, namedRows } from './search-words.ts'

// Walks the list in windows until a page is full or the list ends. When the first window has few, the index may name all:
// of a frequent text that would be half of the catalog, of a rare one the walk.

/** Rows of the first window: some 5 ms. */
const firstRows = 5000
/** With so many in the first window a page of 50 is full within 25,000 rows, before the index has named all. */
const firstFew = 10
/** Rows of the other windows, one statement each: some 20 ms, so that progress gets its turns in between. */
const windowRows = 20_000

/** One more than the page has, if there are so many. */
export async function searchRows(
  db: CatalogDatabase,
  query: ListQuery,
  text: string,
): Promise<RecordingRow[]> {
  const select = selectWith(db, query, await frequentBeginnings(db, query.filter))
  const than = sql.raw(query.order === 'newest' ? '>=' : '<=')
  const found: RecordingRow[] = []
  let after = query.after
  let isFirst = true
  for (;;) {
    const edge = await select(after)
      .select(['startMs', 'id'])
      .offset(isFirst ? firstRows : windowRows)
      .limit(1)
      .executeTakeFirst()
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
    const named = isFirst && found.length < firstFew ? await namedRows(db, text, rareRowsMax) : undefined
    if (named?.length === 0) return []
    if (named)
      return await select(query.after)
        .selectAll('recordings')
        .where(isAmong(db, named))
        .where(hasWords(text))
        .limit(query.limit + 1)
        .execute()
    after = edge
    isFirst = false
  }
}
