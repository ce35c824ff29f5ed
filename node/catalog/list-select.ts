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

export interface ListQuery {
  filter: RecordingFilter
  /** `newest` first unless told. */
  order: 'newest' | 'oldest'
  limit: number
  after?: Cursor
}

/** Up to here the rows that an index names are taken and sorted: some 10 ms. */
export const rareRowsMax = 5000

/** The rows that match, in order, from a cursor on; the text is left to the caller. */
export function selectWith(
  db: CatalogDatabase,
  { filter, order }: ListQuery,
  frequent: ReadonlySet<NamedColumn>,
) {
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

/** Columns of whose asked beginning there are so many rows that their index would be of no use. */
export async function frequentBeginnings(
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
