import type { ExecutionContext } from 'ava'
import test from 'ava'
import { Kysely, sql } from 'kysely'
import { addAgent, agentStanding } from '../../../node/catalog/agents.ts'
import { type CatalogDatabase, openCatalog } from '../../../node/catalog/open-catalog.ts'
import { postgresConnection } from '../../../node/catalog/postgres-connection.ts'
import { postgresDialect } from '../../../node/catalog/postgres-dialect.ts'
import { postgresLimits } from '../../../node/catalog/postgres-limits.ts'
import { findRecording } from '../../../node/catalog/recordings.ts'
import { openRegister } from '../../../node/catalog/register.ts'
import type { Database } from '../../../node/catalog/schema.ts'
import { readSetting, writeSetting } from '../../../node/catalog/settings.ts'
import { idOf, place } from '../../contract/catalogs.ts'
import { eventually } from '../../helpers/eventually.ts'
import { noPostgres, startPostgres, type TestPostgres } from '../../helpers/postgres.ts'
import { facts } from '../../helpers/sample-stream.ts'

const reason = noPostgres()
const onPostgres = reason ? test.skip : test
if (reason) test.skip(`failover tests: ${reason}`, () => undefined)

async function start(t: ExecutionContext): Promise<TestPostgres> {
  const server = await startPostgres({ durable: true })
  t.teardown(() => server.close())
  return server
}

async function open(t: ExecutionContext, connection: string): Promise<CatalogDatabase> {
  const db = await openCatalog(connection)
  t.teardown(() => db.destroy())
  return db
}

/** Ends every connection to the server's databases but its own. */
const killBackends = (server: TestPostgres) =>
  server.query(`select pg_terminate_backend(pid) from pg_stat_activity
    where backend_type = 'client backend' and pid <> pg_backend_pid()`)

const codeOf = async (work: Promise<unknown>) =>
  await work.then(
    () => 'done',
    (error: { code?: string }) => error.code ?? String(error),
  )

onPostgres('killed backends: what changes nothing is said again, the rest is reported', async (t) => {
  const server = await start(t)
  const db = await open(t, await server.database())
  await writeSetting(db, 'a', '1')
  // Idle ones, many of them: their end is seen, or not yet, when they are used next.
  await Promise.all(Array.from({ length: 8 }, () => sql`select pg_sleep(0.05)`.execute(db)))
  await killBackends(server)
  t.deepEqual(await Promise.all(Array.from({ length: 8 }, () => readSetting(db, 'a'))), Array(8).fill('1'))

  const running = async (text: string) =>
    await eventually(async () => {
      const rows = await server.query(
        `select 1 from pg_stat_activity where state <> 'idle' and query like '${text}%'`,
      )
      if (rows.length === 0) throw new Error(`Not running: ${text}`)
    })
  const read = codeOf(sql`select pg_sleep(3)`.execute(db))
  await running('select pg_sleep')
  await killBackends(server)
  t.is(await read, 'done')

  const write = codeOf(sql`update settings set value = '2' where pg_sleep(60) is not null`.execute(db))
  await running('update settings')
  await killBackends(server)
  t.is(await write, 'catalog-lost')

  const held = codeOf(
    db.transaction().execute(async (trx) => {
      await writeSetting(trx, 'a', '3')
      await killBackends(server)
      await writeSetting(trx, 'a', '4')
    }),
  )
  t.is(await held, 'catalog-lost')
  t.is(await readSetting(db, 'a'), '1')
})

onPostgres(
  'a restarted server is found again; meanwhile each use is refused with what it said',
  async (t) => {
    const server = await start(t)
    const db = await open(t, await server.database())
    await writeSetting(db, 'a', '1')
    await server.stop('kill')
    const error = await t.throwsAsync(readSetting(db, 'a'), { code: 'catalog-away' })
    t.true(error.message.includes(server.folder), error.message)
    await server.start()
    t.is(await readSetting(db, 'a'), '1')
    await server.stop()
    await server.start()
    await writeSetting(db, 'a', '2')
    t.is(await readSetting(db, 'a'), '2')
  },
)

onPostgres('a promoted standby takes over, and the register goes on with what it kept', async (t) => {
  const primary = await start(t)
  const connection = await primary.database()
  await (await open(t, connection)).destroy()
  const standby = await primary.standby()
  const name = connection.split('/')[3]!.split('?')[0]!
  // The standby first: it is asked, takes no writes, and the next host is.
  const db = await open(t, `postgres://postgres@/${name}?host=${standby.folder},${primary.folder}`)
  const failures: string[] = []
  const register = openRegister({
    db,
    node: 'node-1',
    returned: () => undefined,
    missing: async () => undefined,
    failed: (error) => void failures.push((error as { code: string }).code),
    batchMs: 100,
  })
  t.teardown(() => register.close())
  await addAgent(db, { id: 'agent-1', host: 'ward-7', machine: '', publicKey: 'k', nowMs: 1 })
  const opened = { recording: idOf(1), stream: 'cast' as const, agent: 'agent-1', facts, place, openedMs: 1 }
  t.is(await register.opened(opened), 'accepted')
  await eventually(async () => {
    const rows = await standby.query<{ n: number }>('select count(*)::int as n from recordings', name)
    if (rows[0]!.n !== 1) throw new Error('Not replicated.')
  })

  await primary.stop('kill')
  const grown = (sizeBytes: number) => ({
    ...{ stream: 'cast' as const, sizeBytes, sealedBytes: 0, rawBytes: 0, frames: 1, gaps: 0 },
    ...{ endUs: 0, proof: 'unproven' as const },
  })
  register.progress(idOf(1), grown(1000))
  await eventually(() => {
    if (failures.length < 2) throw new Error('No batch has failed.')
  })
  t.deepEqual([...new Set(failures)], ['catalog-away'])
  t.is(await codeOf(register.opened(opened)), 'catalog-away')
  register.progress(idOf(1), grown(2000))
  await standby.promote()
  await eventually(async () => {
    if ((await findRecording(db, idOf(1)))?.bytes !== 2000) throw new Error('Not written.')
  })
  t.is(await agentStanding(db, 'agent-1'), 'allowed')
  t.is(await register.opened(opened), 'accepted')
})

onPostgres('a server that answers nothing costs its time-out, then the next is asked', async (t) => {
  const silent = await start(t)
  const connection = await silent.database()
  await (await open(t, connection)).destroy()
  const standby = await silent.standby()
  const name = connection.split('/')[3]!.split('?')[0]!
  const both = postgresConnection(`postgres://postgres@/${name}?host=${silent.folder},${standby.folder}`)
  const limits = { ...postgresLimits, connectMsMax: 1500, answerMsMax: 6000, connectionsMax: 2 }
  const db = new Kysely<Database>({ dialect: postgresDialect(both, limits) })
  t.teardown(() => db.destroy())
  await writeSetting(db, 'a', '1')
  await standby.cutOff()
  await silent.pause()
  t.teardown(() => silent.resume())
  t.is(await codeOf(writeSetting(db, 'a', '2')), 'catalog-lost')
  t.is(await codeOf(readSetting(db, 'a')), 'catalog-away')
  await standby.promote()
  t.is(await readSetting(db, 'a'), '1')

  // All connections taken: who waits too long is told.
  const holding = Array.from({ length: 2 }, () => sql`select pg_sleep(3)`.execute(db))
  t.is(await codeOf(readSetting(db, 'a')), 'catalog-busy')
  await Promise.all(holding)
  t.is(await readSetting(db, 'a'), '1')
})
