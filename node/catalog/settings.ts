import type { CatalogDatabase } from './open-catalog.ts'

/** Settings of the whole farm, which every node reads. `undefined`: never set. */
export async function readSetting(db: CatalogDatabase, name: string): Promise<string | undefined> {
  const row = await db.selectFrom('settings').select('value').where('name', '=', name).executeTakeFirst()
  return row?.value
}

export async function writeSetting(db: CatalogDatabase, name: string, value: string): Promise<void> {
  await db
    .insertInto('settings')
    .values({ name, value })
    .onConflict((c) => c.column('name').doUpdateSet({ value }))
    .execute()
}
