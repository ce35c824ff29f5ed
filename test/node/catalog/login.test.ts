import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { generate } from 'selfsigned'
import { type CatalogDatabase, openCatalog } from '../../../node/catalog/open-catalog.ts'
import { readSetting, writeSetting } from '../../../node/catalog/settings.ts'
import { noPostgres, startPostgres, type TestPostgres } from '../../helpers/postgres.ts'

// Who connects, and over what: passwords from files, TLS against the server's name.

const reason = noPostgres()
const onPostgres = reason ? test.skip : test.serial
if (reason) test.skip(`logins to PostgreSQL: ${reason}`, () => undefined)

let postgres: TestPostgres
let folder: string
test.before(async () => {
  if (reason) return
  folder = await mkdtemp(join(tmpdir(), 'tapedeck-login-'))
  const made = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
  })
  await writeFile(join(folder, 'ca.crt'), made.cert)
  postgres = await startPostgres({
    tcp: true,
    tls: { key: made.private, cert: made.cert },
    access: ['hostssl all tapedeck 127.0.0.1/32 scram-sha-256', 'host all tapedeck 127.0.0.1/32 reject'],
  })
  await postgres.query(`create role tapedeck login password 'first'`)
  await postgres.query('create database catalog owner tapedeck')
})
test.after.always(async () => {
  await postgres?.close()
  if (folder) await rm(folder, { recursive: true, force: true })
})

const tried = async (connection: string) => {
  let db: CatalogDatabase | undefined
  try {
    db = await openCatalog(connection)
    await writeSetting(db, 'a', '1')
    return 'done'
  } catch (error) {
    return (error as Error).message
  } finally {
    await db?.destroy()
  }
}

onPostgres('the certificate must be of the authority and of the name', async (t) => {
  const password = join(folder, 'password')
  await writeFile(password, 'first\n')
  const url = (host: string, more: string) =>
    `postgres://tapedeck@${host}:${postgres.port}/catalog?passwordFile=${password}${more}`
  const ca = `&sslrootcert=${join(folder, 'ca.crt')}`
  t.is(await tried(url('localhost', `&sslmode=verify-full${ca}`)), 'done')
  t.is(await tried(url('127.0.0.1', `&sslmode=verify-ca${ca}`)), 'done')
  t.is(await tried(url('127.0.0.1', '&sslmode=require')), 'done')
  t.regex(await tried(url('127.0.0.1', `&sslmode=verify-full${ca}`)), /IP: 127\.0\.0\.1 is not in/)
  t.regex(await tried(url('localhost', '&sslmode=verify-full')), /self-signed certificate/)
  t.regex(await tried(url('localhost', '')), /pg_hba\.conf rejects connection/)
  t.regex(
    await tried(url('localhost', '&sslmode=require&sslrootcert=/nowhere')),
    /sslrootcert cannot be read: ENOENT/,
  )
})

onPostgres('a changed password needs no restart; PGPASSFILE is read too', async (t) => {
  const password = join(folder, 'password')
  const url = `postgres://tapedeck@localhost:${postgres.port}/catalog?sslmode=require`
  await writeFile(password, 'first')
  const db = await openCatalog(`${url}&passwordFile=${password}`)
  t.teardown(() => db.destroy())
  await postgres.query(`alter role tapedeck password 'second'`)
  await postgres.query(`select pg_terminate_backend(pid) from pg_stat_activity where usename = 'tapedeck'`)
  const error = await t.throwsAsync(readSetting(db, 'a'), { code: 'catalog-away' })
  t.regex(error.message, /password authentication failed/)
  t.false(error.message.includes('first'))
  await writeFile(password, 'second')
  t.is(await readSetting(db, 'a'), '1')

  t.not(await tried(url), 'done')
  const passfile = join(folder, 'pgpass')
  await writeFile(passfile, `localhost:*:catalog:tapedeck:second\n`)
  await chmod(passfile, 0o600)
  process.env.PGPASSFILE = passfile
  t.is(await tried(url), 'done')
})
