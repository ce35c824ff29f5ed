import { sql } from 'kysely'
import type { RecordingProgress } from '../ingest/register.ts'
import type { CatalogDatabase } from './open-catalog.ts'

/** Rows of one statement: 12 values each stay far below 32,766 parameters, SQLite's limit. */
const rowsMax = 200

const byId = ([a]: [string, unknown], [b]: [string, unknown]) => (a < b ? -1 : 1)

export interface Written {
  /** Dormant ones that are live again. */
  returned: string[]
  /** Without a row: deleted meanwhile, or lost by the catalog. */
  missing: string[]
}

/** Writes the newest progress of many recordings. A dormant one that makes progress is live again. */
export async function writeProgress(
  trx: CatalogDatabase,
  recordings: ReadonlyMap<string, ReadonlyMap<string, RecordingProgress>>,
): Promise<Written> {
  const casts: [string, RecordingProgress][] = []
  const written: Written = { returned: [], missing: [] }
  for (const [id, streams] of recordings) {
    const cast = streams.get('cast')
    if (cast) casts.push([id, cast])
    const screen = streams.get('rfb')
    if (screen)
      await trx
        .updateTable('recordings')
        .set({ screenBytes: screen.sizeBytes })
        .where('id', '=', id)
        .execute()
  }
  // In one order everywhere, so that two nodes' batches never wait for each other.
  casts.sort(byId)
  for (let at = 0; at < casts.length; at += rowsMax) {
    const some = casts.slice(at, at + rowsMax)
    const ids = some.map(([id]) => id)
    if ((await update(trx, some)) < some.length) written.missing.push(...(await unknown(trx, ids)))
    written.returned.push(...(await wake(trx, ids)))
  }
  return written
}

async function unknown(trx: CatalogDatabase, ids: string[]): Promise<string[]> {
  const rows = await trx.selectFrom('recordings').select('id').where('id', 'in', ids).execute()
  const known = new Set(rows.map(({ id }) => id))
  return ids.filter((id) => !known.has(id))
}

async function wake(trx: CatalogDatabase, ids: string[]): Promise<string[]> {
  const rows = await trx
    .updateTable('recordings')
    .set((eb) => ({
      state: eb
        .case()
        .when('state', '=', 'dormant')
        .then('live' as const)
        .else(eb.ref('state'))
        .end(),
      lostMs: null,
    }))
    .where('id', 'in', ids)
    .where('lostMs', 'is not', null)
    .returning('id')
    .execute()
  return rows.map((row) => row.id)
}

// One statement for many rows. SQLite and PostgreSQL both name the columns of VALUES column1, column2, …; the casts give
// PostgreSQL the types that parameters lack. Sizes only grow: a late batch never takes back what `completed` wrote.
async function update(trx: CatalogDatabase, some: [string, RecordingProgress][]): Promise<number> {
  const values = some.map(
    ([
      id,
      p,
    ]) => sql`(${id}, cast(${p.sizeBytes} as bigint), cast(${p.sealedBytes} as bigint), cast(${p.rawBytes} as bigint),
      cast(${p.frames} as bigint), cast(${p.gaps} as bigint), cast(${p.endUs} as bigint), ${p.proof},
      cast(${p.problem ? `${p.problem.code}: ${p.problem.text}` : null} as text))`,
  )
  const { numAffectedRows } =
    await sql`update recordings set "bytes" = v.column2, "sealedBytes" = v.column3, "rawBytes" = v.column4,
      "frames" = v.column5, "gaps" = v.column6, "endUs" = v.column7,
      "proof" = case when recordings."proof" = 'failed' then 'failed' else v.column8 end,
      "problem" = coalesce(recordings."problem", v.column9)
    from (values ${sql.join(values)}) as v
    where recordings."id" = v.column1 and v.column2 >= recordings."bytes"`.execute(trx)
  return Number(numAffectedRows ?? 0n)
}

/** `beats`: agent → when its connection was last alive, in ms. */
export async function writeHeartbeats(
  trx: CatalogDatabase,
  beats: ReadonlyMap<string, number>,
): Promise<void> {
  const all = [...beats].sort(byId)
  for (let at = 0; at < all.length; at += rowsMax) {
    const values = all.slice(at, at + rowsMax).map(([id, ms]) => sql`(${id}, cast(${ms} as bigint))`)
    await sql`update agents set "seenMs" = v.column2 from (values ${sql.join(values)}) as v
      where agents."id" = v.column1 and v.column2 > agents."seenMs"`.execute(trx)
  }
}
