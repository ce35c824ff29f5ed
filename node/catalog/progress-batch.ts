import { sql } from 'kysely'
import type { RecordingProgress } from '../ingest/register.ts'
import type { CatalogDatabase } from './open-catalog.ts'

/** Rows of one statement: 13 values each stay far below 32,766 parameters, SQLite's limit. */
const rowsMax = 200

const byId = ([a]: [string, unknown], [b]: [string, unknown]) => (a < b ? -1 : 1)

export interface Written {
  /** Dormant ones that are live again. */
  returned: string[]
  /** Without a row: deleted meanwhile, or lost by the catalog. */
  missing: string[]
}

type Streams = ReadonlyMap<string, RecordingProgress>

/** Writes the newest progress of many recordings. A dormant one that makes progress is live again. */
export async function writeProgress(
  trx: CatalogDatabase,
  recordings: ReadonlyMap<string, Streams>,
): Promise<Written> {
  // In one order everywhere, so that two nodes' batches never wait for each other.
  const all = [...recordings].filter(([, streams]) => streams.size > 0).sort(byId)
  const written: Written = { returned: [], missing: [] }
  for (let at = 0; at < all.length; at += rowsMax) {
    const some = all.slice(at, at + rowsMax)
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
// PostgreSQL the types that parameters lack. Sizes only grow: a late batch never takes back what `completed` wrote. Of a
// stream that made no progress the values are null.
async function update(trx: CatalogDatabase, some: [string, Streams][]): Promise<number> {
  const values = some.map(([id, streams]) => {
    const cast = streams.get('cast')
    const rfb = streams.get('rfb')
    const problem = cast?.problem ?? rfb?.problem
    const numbers = [
      cast?.sizeBytes,
      cast?.sealedBytes,
      cast?.rawBytes,
      cast?.frames,
      cast?.gaps,
      Math.max(cast?.endUs ?? 0, rfb?.endUs ?? 0),
      rfb?.sizeBytes,
      rfb?.sealedBytes,
      rfb?.gaps,
    ].map((value) => sql`cast(${value ?? null} as bigint)`)
    const proof = rfb?.proof === 'failed' ? rfb.proof : cast?.proof
    const told = problem ? `${problem.code}: ${problem.text}` : null
    return sql`(${id}, ${sql.join(numbers)}, cast(${proof ?? null} as text), cast(${told} as text))`
  })
  const { numAffectedRows } = await sql`update recordings set "bytes" = coalesce(v.column2, "bytes"),
      "sealedBytes" = coalesce(v.column3, "sealedBytes"), "rawBytes" = coalesce(v.column4, "rawBytes"),
      "frames" = coalesce(v.column5, "frames"), "gaps" = coalesce(v.column6, "gaps"),
      "endUs" = case when v.column7 > "endUs" then v.column7 else "endUs" end,
      "screenBytes" = coalesce(v.column8, "screenBytes"),
      "screenSealedBytes" = coalesce(v.column9, "screenSealedBytes"),
      "screenGaps" = coalesce(v.column10, "screenGaps"),
      "proof" = case when "proof" = 'failed' then 'failed' else coalesce(v.column11, "proof") end,
      "problem" = coalesce("problem", v.column12)
    from (values ${sql.join(values)}) as v
    where recordings."id" = v.column1 and coalesce(v.column2, "bytes") >= "bytes"
      and coalesce(v.column8, "screenBytes") >= "screenBytes"`.execute(trx)
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
