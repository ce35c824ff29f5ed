import type { ExecutionContext } from 'ava'
import test from 'ava'
import { type Kysely, Migrator, sql } from 'kysely'
import { listRecordings } from '../../../node/catalog/list-recordings.ts'
import { readVersion } from '../../../node/catalog/migrate.ts'
import { migrations } from '../../../node/catalog/migrations.ts'
import { type CatalogDatabase, connectCatalog, openCatalog } from '../../../node/catalog/open-catalog.ts'
import { addRecording } from '../../../node/catalog/recordings.ts'
import { hasWordIndex } from '../../../node/catalog/search-words.ts'
import { retryWordIndex } from '../../../node/catalog/word-index.ts'
import { sampleRow, sqliteFile } from '../../contract/catalogs.ts'
import { noPostgres, startPostgres, type TestPostgres } from '../../helpers/postgres.ts'

const reason = noPostgres()
const onPostgres = reason ? test.skip : test
if (reason) test.skip(`migrations on PostgreSQL: ${reason}`, () => undefined)

let postgres: TestPostgres
test.before(async () => {
  if (!reason) postgres = await startPostgres()
})
test.after.always(() => postgres?.close())

function closing(t: ExecutionContext, db: CatalogDatabase): CatalogDatabase {
  t.teardown(() => db.destroy())
  return db
}

async function startedAtOnce(t: ExecutionContext, connection: string): Promise<void> {
  const all = await Promise.all(Array.from({ length: 5 }, () => openCatalog(connection)))
  for (const db of all) closing(t, db)
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(
    all[0]!,
  )
  t.deepEqual(
    rows.map(({ name }) => name),
    Object.keys(migrations),
  )
  t.is((await readVersion(all[1]!)).state, 'current')
}

test('SQLite: nodes that start at once migrate once', async (t) => startedAtOnce(t, await sqliteFile(t)))
onPostgres('PostgreSQL: nodes that start at once migrate once', async (t) =>
  startedAtOnce(t, await postgres.database()),
)

async function newerIsRefused(t: ExecutionContext, connection: string): Promise<void> {
  const db = closing(t, await openCatalog(connection))
  await addRecording(db, sampleRow(1))
  await sql`insert into kysely_migration values ('9999-future', '2030-01-01T00:00:00.000Z')`.execute(db)
  const error = await t.throwsAsync(openCatalog(connection), { code: 'catalog-newer' })
  const newest = Object.keys(migrations).at(-1)!
  t.true(error.message.includes('9999-future') && error.message.includes(newest), error.message)
  t.true('hint' in error)
  t.deepEqual(await readVersion(db), { found: '9999-future', expected: newest, state: 'newer' })
  t.is((await listRecordings(db, { filter: {}, order: 'newest', limit: 5 })).rows.length, 1)
}

test('SQLite: a newer catalog is refused and left as it is', async (t) =>
  newerIsRefused(t, await sqliteFile(t)))
onPostgres('PostgreSQL: a newer catalog is refused and left as it is', async (t) =>
  newerIsRefused(t, await postgres.database()),
)

async function failedIsUndone(t: ExecutionContext, connection: string): Promise<void> {
  const db = closing(t, connectCatalog(connection))
  // In the way of the second step, after the first has made its tables.
  await sql`create table settings (x int)`.execute(db)
  await t.throwsAsync(openCatalog(connection))
  t.is((await readVersion(db)).state, 'empty')
  const tables = (await db.introspection.getTables()).map(({ name }) => name)
  t.deepEqual(tables, ['settings'])
  await sql`drop table settings`.execute(db)
  closing(t, await openCatalog(connection))
}

test('SQLite: a migration that fails leaves nothing behind', async (t) =>
  failedIsUndone(t, await sqliteFile(t)))
onPostgres('PostgreSQL: a migration that fails leaves nothing behind', async (t) =>
  failedIsUndone(t, await postgres.database()),
)

test('rows that came before the search words get theirs', async (t) => {
  const file = await sqliteFile(t)
  const old = closing(t, connectCatalog(file))
  const { '0001-start': start, '0002-hosts': hosts } = migrations
  const provider = { getMigrations: async () => ({ '0001-start': start!, '0002-hosts': hosts! }) }
  await new Migrator({ db: old, provider }).migrateToLatest()
  t.is((await readVersion(old)).state, 'older')
  const rows = Array.from({ length: 1200 }, (_, i) => {
    const {
      words: _1,
      screenSealedBytes: _2,
      screenGaps: _3,
      screenEnd: _4,
      ...row
    } = sampleRow(i, { command: i % 2 === 0 ? 'ÖFFNE' : 'close' })
    return row
  })
  for (let at = 0; at < rows.length; at += 400)
    await (old as unknown as Kysely<{ recordings: object }>)
      .insertInto('recordings')
      .values(rows.slice(at, at + 400))
      .execute()
  const db = closing(t, await openCatalog(file))
  await addRecording(db, sampleRow(5000, { command: 'später öffne' }))
  const search = async (text: string) =>
    (await listRecordings(db, { filter: { text }, order: 'newest', limit: 2000 })).rows.length
  t.deepEqual([await search('öffne'), await search('spÄter'), await search('close')], [601, 1, 600])
})

onPostgres(
  'a role without rights is told what to do; without the extension the list is read instead',
  async (t) => {
    const connection = await postgres.database()
    const name = connection.split('/')[3]!.split('?')[0]!
    await postgres.query('create role plain login')
    const own = postgres.url(name, { user: 'plain' })
    const error = await t.throwsAsync(openCatalog(own), { code: 'catalog-rights' })
    t.true((error as Error & { hint: string }).hint.includes('tapedeck db migrate'))

    await postgres.query('grant usage, create on schema public to plain', name)
    const db = closing(t, await openCatalog(own))
    t.false(await hasWordIndex(db))
    await addRecording(db, sampleRow(1, { command: 'needle' }))
    const search = async () =>
      (await listRecordings(db, { filter: { text: 'NEEDLE' }, order: 'newest', limit: 5 })).rows.length
    t.is(await search(), 1)
    await postgres.query('create extension pg_trgm', name)
    t.true(await retryWordIndex(db))
    t.true(await hasWordIndex(db))
    t.is(await search(), 1)
  },
)
