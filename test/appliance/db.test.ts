import { access, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'
import test from 'ava'
import { sql } from 'kysely'
import { revokeAgent } from '../../node/catalog/agents.ts'
import { copiedTables, copyCatalog } from '../../node/catalog/copy-catalog.ts'
import type { Finding } from '../../node/catalog/finding.ts'
import { openCatalog } from '../../node/catalog/open-catalog.ts'
import { addRecording, buryRecording } from '../../node/catalog/recordings.ts'
import { scramVerifier } from '../../node/catalog/scram-verifier.ts'
import { setUpNode } from '../../node/setup.ts'
import { idOf, sampleRow, sqliteFile } from '../contract/catalogs.ts'
import { noPostgres, startPostgres, type TestPostgres } from '../helpers/postgres.ts'
import { openPty } from '../helpers/pty.ts'
import { type Ran, run } from '../helpers/up.ts'

// `tapedeck db`, as an operator uses it.

const launcher = fileURLToPath(new URL('../../tapedeck', import.meta.url))
const reason = noPostgres()
const onPostgres = reason ? test.skip : test
if (reason) test.skip(`tapedeck db with PostgreSQL: ${reason}`, () => undefined)

let postgres: TestPostgres
test.before(async () => {
  if (reason) return
  postgres = await startPostgres({
    durable: true,
    tcp: true,
    access: ['host all all 127.0.0.1/32 scram-sha-256'],
  })
  // As managed services give it: no superuser.
  await postgres.query(`create role boss login createdb createrole password 'of the boss'`)
})
test.after.always(() => postgres?.close())

async function folderOf(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tapedeck-db-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

const db = (...args: string[]) => run(launcher, ['db', ...args])
const findingsOf = ({ stdout }: Ran) => (JSON.parse(stdout.toString()) as { findings: Finding[] }).findings

onPostgres('an administrator makes role and database once; a node is moved there, and back', async (t) => {
  const folder = await folderOf(t)
  const home = join(folder, 'home')
  const setUp = await setUpNode({ home, port: 0 })
  const before = await readFile(setUp.config, 'utf8')
  const passwordFile = join(folder, 'password')
  const target = `postgres://tapedeck@127.0.0.1:${postgres.port}/farm_1?passwordFile=${passwordFile}`
  const admin = `postgres://boss@127.0.0.1:${postgres.port}/postgres`

  const early = await db('set', target, '--home', home)
  t.is(early.status, 1)
  t.regex(early.stderr, /Let the user|ENOENT/)
  t.is(await readFile(setUp.config, 'utf8'), before)

  const env = { TAPEDECK_DB_ADMIN_PASSWORD: 'of the boss' }
  const made = await run(launcher, ['db', 'migrate', target, '--admin', admin], { env })
  t.is(made.status, 0, made.stderr)
  t.regex(
    made.stdout.toString(),
    /Made a password in .*\nMade the role tapedeck\.\nMade the database farm_1\.\n/,
  )
  t.regex(made.stdout.toString(), /The catalog went from nothing to \d{4}-/)
  t.is((await stat(passwordFile)).mode & 0o777, 0o600)
  const [role] = await postgres.query(`select rolsuper, rolcreatedb, rolcreaterole, rolreplication
    from pg_roles where rolname = 'tapedeck'`)
  t.deepEqual(Object.values(role!), [false, false, false, false])
  const log = await readFile(join(postgres.folder, 'log'), 'utf8')
  t.false(log.includes((await readFile(passwordFile, 'utf8')).trim()))
  const again = await run(launcher, ['db', 'migrate', target, '--admin', admin], { env })
  t.regex(again.stdout.toString(), /^The catalog is at version \d{4}-\S+\.\n$/)

  const tested = await db('test', target, '--json')
  t.is(tested.status, 0, tested.stdout.toString())
  t.deepEqual(
    findingsOf(tested).filter(({ level }) => level !== 'ok'),
    [],
  )

  const set = await db('set', target, '--home', home, '--copy')
  t.is(set.status, 0, set.stderr)
  t.regex(set.stdout.toString(), /Copied \d+ rows/)
  t.is(await readFile(`${setUp.config}.bak`, 'utf8'), before)
  t.deepEqual(JSON.parse(await readFile(setUp.config, 'utf8')), { ...JSON.parse(before), catalog: target })
  // Its administrator came along, so set-up makes no other; its token still opens.
  t.is((await setUpNode({ home, port: 0 })).admin, undefined)
  t.is((await db('test', '--home', home)).status, 0)

  const same = await db('set', target, '--home', home)
  t.regex(same.stderr, /already/)
  const back = await db('set', join(home, 'node', 'catalog.db'), '--home', home)
  t.is(back.status, 0, back.stderr)
  t.is(JSON.parse(await readFile(setUp.config, 'utf8')).catalog, join(home, 'node', 'catalog.db'))
})

onPostgres("the administrator's password is asked for where it is nowhere else, and not shown", async (t) => {
  const target = `postgres://asked@127.0.0.1:${postgres.port}/asked?passwordFile=${join(await folderOf(t), 'p')}`
  const admin = `postgres://boss@127.0.0.1:${postgres.port}/postgres`
  const nobody = await run(launcher, ['db', 'migrate', target, '--admin', admin])
  t.is(nobody.status, 2)
  t.regex(nobody.stderr, /--admin-password-file/)
  const pty = openPty([launcher, 'db', 'migrate', target, '--admin', admin])
  t.teardown(() => pty.kill())
  await pty.waitFor('Password of boss')
  pty.write('of the bosx\u007fs\r')
  await pty.waitFor('The catalog went from nothing')
  t.is(await pty.exit, 0)
  t.false(pty.output().toString().includes('of the bos'))
})

onPostgres('what cannot be used is refused with what to do, and changes nothing', async (t) => {
  const folder = await folderOf(t)
  const home = join(folder, 'home')
  const setUp = await setUpNode({ home, port: 0 })
  const before = await readFile(setUp.config, 'utf8')
  const newer = await postgres.database()
  const catalog = await openCatalog(newer)
  await sql`insert into kysely_migration values ('9999-future', '2030-01-01T00:00:00.000Z')`.execute(catalog)
  await catalog.destroy()
  for (const [connection, code, text] of [
    [newer, 'db-unusable', /9999-future, expected \d{4}-\S+ or older\n.*Upgrade this node/],
    [postgres.url('nowhere'), 'db-unusable', /database "nowhere" does not exist\n.*db migrate --admin/],
    [`postgres://u@127.0.0.1:1/d`, 'db-unusable', /ECONNREFUSED.*\n.*Start PostgreSQL there/],
    ['postgres://u:secret@h/my-db', 'catalog-connection', /my-db/],
    [join(folder, 'none', 'catalog.db'), 'db-unusable', /ENOENT.*\n.*Make the folder/],
  ] as const) {
    const refused = await db('set', connection, '--home', home)
    t.is(refused.status, 1, connection)
    t.regex(refused.stderr, text)
    t.true(refused.stderr.includes(`[${code}]`), refused.stderr)
    t.false(refused.stderr.includes('secret'))
    t.is(await readFile(setUp.config, 'utf8'), before)
  }
  await t.throwsAsync(access(`${setUp.config}.bak`))
  const tested = await db('test', newer, '--json')
  t.is(tested.status, 1)
  t.is(findingsOf(tested).find(({ level }) => level === 'fail')?.about, 'version')
})

onPostgres('a catalog moves whole, and what is there already stays', async (t) => {
  const from = await openCatalog(await sqliteFile(t))
  const to = await openCatalog(await postgres.database())
  t.teardown(() => Promise.all([from.destroy(), to.destroy()]))
  const tables = (await from.introspection.getTables()).map(({ name }) => name)
  t.deepEqual(
    Object.keys(copiedTables).sort(),
    tables.filter((name) => !name.startsWith('recordingWords')).sort(),
  )
  for (let seed = 0; seed < 1100; seed++)
    await addRecording(from, sampleRow(seed, { command: `n ${seed} ü` }))
  const agent = {
    host: 'h',
    machine: '',
    publicKey: 'k',
    enrolledMs: 1,
    seenMs: 1,
    revokedMs: null,
    parent: null,
  }
  for (const id of ['a', 'b'])
    await from
      .insertInto('agents')
      .values({ id, ...agent })
      .execute()
  await revokeAgent(from, 'a', 5)
  await buryRecording(from, { recording: idOf(5000), deletedBy: 'ada', nowMs: 1 })
  t.is(await copyCatalog(from, to), 1103)
  t.is(await copyCatalog(from, to), 0)
  for (const table of ['agents', 'tombstones'] as const)
    t.deepEqual(
      await to.selectFrom(table).selectAll().execute(),
      await from.selectFrom(table).selectAll().execute(),
    )
  const rows = (catalog: typeof to) => catalog.selectFrom('recordings').selectAll().orderBy('id').execute()
  const plain = (all: Awaited<ReturnType<typeof rows>>) => all.map((row) => ({ ...row, row: 0 }))
  t.deepEqual(plain(await rows(to)), plain(await rows(from)))
})

onPostgres('what PostgreSQL is given of a password is what it makes of it', async (t) => {
  await postgres.query(`create role verified login password '${scramVerifier('a b"c\\d ~')}'`)
  const passwordFile = join(await folderOf(t), 'password')
  await writeFile(passwordFile, 'a b"c\\d ~\n')
  const tested = await db(
    'test',
    `postgres://verified@127.0.0.1:${postgres.port}/postgres?passwordFile=${passwordFile}`,
    '--json',
  )
  t.is(
    findingsOf(tested).find(({ about }) => about === 'takes writes')?.level,
    'ok',
    tested.stdout.toString(),
  )
})

test('a catalog in a file is tested and migrated, too', async (t) => {
  const file = await sqliteFile(t)
  t.deepEqual(
    findingsOf(await db('test', file, '--json')).map(({ level }) => level),
    ['warn'],
  )
  t.is((await db('migrate', file)).status, 0)
  const tested = await db('test', file)
  t.is(tested.status, 0)
  t.regex(tested.stdout.toString(), /^ok {4}file[\s\S]*ok {4}version[\s\S]*ok {4}write/)
})
