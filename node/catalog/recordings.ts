import { exclusively } from './exclusively.ts'
import type { CatalogDatabase } from './open-catalog.ts'
import type { NewRecording, RecordingRow, RecordingState } from './schema.ts'

/** One recording, or `undefined`. */
export async function findRecording(db: CatalogDatabase, id: string): Promise<RecordingRow | undefined> {
  return await db.selectFrom('recordings').selectAll().where('id', '=', id).executeTakeFirst()
}

/** All files of a session, in order. */
export async function recordingsOfSession(db: CatalogDatabase, session: string): Promise<RecordingRow[]> {
  // A session rolls over once an hour at most, so a hundred days of it fit.
  return await db
    .selectFrom('recordings')
    .selectAll()
    .where('session', '=', session)
    .orderBy('sequence')
    .limit(2400)
    .execute()
}

export async function countByState(db: CatalogDatabase): Promise<Record<RecordingState, number>> {
  const rows = await db
    .selectFrom('recordings')
    .select((eb) => ['state', eb.fn.countAll<number>().as('count')])
    .groupBy('state')
    .execute()
  const counts = { live: 0, complete: 0, dormant: 0, archived: 0 }
  for (const row of rows) counts[row.state] = Number(row.count)
  return counts
}

export async function isEmpty(db: CatalogDatabase): Promise<boolean> {
  return (await db.selectFrom('recordings').select('row').limit(1).executeTakeFirst()) === undefined
}

/** False when the recording is known already. An import brings back what was deleted. */
export async function addRecording(db: CatalogDatabase, row: NewRecording): Promise<boolean> {
  return await db.transaction().execute(async (trx) => {
    const { numInsertedOrUpdatedRows } = await trx
      .insertInto('recordings')
      .values(row)
      .onConflict((c) => c.column('id').doNothing())
      .executeTakeFirst()
    if (!numInsertedOrUpdatedRows) return false
    await trx.deleteFrom('tombstones').where('recording', '=', row.id).execute()
    return true
  })
}

/** Changes what is known of a recording; by an import, whose agent is not here. */
export async function changeRecording(
  db: CatalogDatabase,
  id: string,
  change: Partial<NewRecording>,
): Promise<void> {
  await db.updateTable('recordings').set(change).where('id', '=', id).execute()
}

/** From now on an agent that still has it is answered `discarded`. The row stays until the files are gone. */
export async function buryRecording(
  db: CatalogDatabase,
  { recording, deletedBy, nowMs }: { recording: string; deletedBy: string; nowMs: number },
): Promise<void> {
  await exclusively(db, recording, async (trx) => {
    await trx
      .insertInto('tombstones')
      .values({ recording, deletedMs: nowMs, deletedBy })
      .onConflict((c) => c.column('recording').doNothing())
      .execute()
  })
}

export async function forgetRecording(db: CatalogDatabase, recording: string): Promise<void> {
  await db.deleteFrom('recordings').where('id', '=', recording).execute()
}

export async function isBuried(db: CatalogDatabase, recording: string): Promise<boolean> {
  const row = await db
    .selectFrom('tombstones')
    .select('recording')
    .where('recording', '=', recording)
    .executeTakeFirst()
  return row !== undefined
}
