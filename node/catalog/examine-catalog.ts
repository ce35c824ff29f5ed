import { access, constants } from 'node:fs/promises'
import { dirname } from 'node:path'
import { sql } from 'kysely'
import type { CatalogError } from './catalog-error.ts'
import { examineRights } from './examine-rights.ts'
import { examineServer } from './examine-server.ts'
import { type Finding, fail, ok, warn } from './finding.ts'
import { readVersion } from './migrate.ts'
import { type CatalogDatabase, connectCatalog } from './open-catalog.ts'
import { hostText, isPostgres, postgresConnection } from './postgres-connection.ts'
import { speaksPostgres } from './postgres-dialect.ts'

const latencyTries = 20
/** An opened recording takes six answers one after the other, and a login waits 2 s at most for its decision. */
const latencyMsGood = 10

/** Looks at a catalog as a node would use it, and changes nothing. Throws CatalogError when the connection is none. */
export async function examineCatalog(connection: string): Promise<Finding[]> {
  const findings = isPostgres(connection) ? await examineServers(connection) : await examineFile(connection)
  const there = isPostgres(connection) || findings.every(({ level }) => level === 'ok')
  if (!there || findings.some(({ level }) => level === 'fail')) return findings
  const db = connectCatalog(connection)
  try {
    findings.push(await examineLatency(db))
    findings.push(await examineVersion(db))
    if (speaksPostgres(db)) findings.push(...(await examineRights(db)))
    findings.push(await examineWrite(db))
    return findings
  } finally {
    await db.destroy()
  }
}

async function examineServers(text: string): Promise<Finding[]> {
  const connection = postgresConnection(text)
  const servers = []
  for (const host of connection.hosts) servers.push(await examineServer(connection, host))
  const findings = servers.flatMap(({ findings }) => findings)
  const writable = servers.filter(({ writable }) => writable)
  const names = writable.map(({ host }) => hostText(host)).join(', ')
  if (writable.length === 1) {
    findings.push(ok('takes writes', names))
    // One is enough now; the next failover needs the others.
    for (const server of servers)
      for (const finding of server.writable ? [] : server.findings)
        if (finding.level === 'fail') finding.level = 'warn'
    if (servers.length > 1 && !writable[0]!.synchronous)
      findings.push(
        warn(
          'replication',
          'no standby is synchronous',
          'A failover may lose the newest users, policies and tokens: set synchronous_standby_names. Rows of recordings are rebuilt.',
        ),
      )
  } else if (writable.length > 1)
    findings.push(
      fail(
        'takes writes',
        `${names}: each on its own`,
        'Name the hosts of one primary and its standbys only.',
      ),
    )
  else findings.push(fail('takes writes', 'none of them', 'Start or promote one.'))
  return findings
}

async function examineFile(file: string): Promise<Finding[]> {
  const writable = (path: string) =>
    access(path, constants.R_OK | constants.W_OK).then(
      () => undefined,
      (error: NodeJS.ErrnoException) => error,
    )
  const error = await writable(file)
  if (!error) return [ok('file', file)]
  if (error.code !== 'ENOENT')
    return [fail('file', error.message, 'Let the user of the node read and write it.')]
  const folder = await writable(dirname(file))
  if (folder) return [fail('file', folder.message, 'Make the folder, writable by the user of the node.')]
  return [
    warn('file', `${file} is not there yet`, "'tapedeck db migrate' makes it, or the node when it starts."),
  ]
}

async function examineLatency(db: CatalogDatabase): Promise<Finding> {
  const times: number[] = []
  for (let i = 0; i < latencyTries; i++) {
    const startMs = performance.now()
    await sql`select 1`.execute(db)
    times.push(performance.now() - startMs)
  }
  const medianMs = times.sort((a, b) => a - b)[latencyTries / 2]!
  const text = `${medianMs.toFixed(2)} ms`
  return medianMs <= latencyMsGood
    ? ok('answers in', text)
    : warn('answers in', text, `Put it nearer to the nodes: ${latencyMsGood} ms are good.`)
}

async function examineVersion(db: CatalogDatabase): Promise<Finding> {
  const { state, found = 'none', expected } = await readVersion(db)
  if (state === 'current') return ok('version', found)
  if (state === 'newer')
    return fail(
      'version',
      `${found}, expected ${expected} or older`,
      'Upgrade this node, or use another catalog.',
    )
  const text = state === 'empty' ? 'the database is empty' : `${found}, expected ${expected}`
  return warn('version', text, "'tapedeck db migrate' brings it there, or the node when it starts.")
}

class Undone extends Error {}

async function examineWrite(db: CatalogDatabase): Promise<Finding> {
  const { state } = await readVersion(db)
  if (state === 'empty' || state === 'newer') return ok('write', 'not tried')
  try {
    await db.transaction().execute(async (trx) => {
      await trx
        .insertInto('settings')
        .values({ name: `db-test-${Date.now()}`, value: '' })
        .execute()
      throw new Undone()
    })
  } catch (error) {
    if (error instanceof Undone) return ok('write', 'one row, taken back')
    const { message, hint } = error as CatalogError
    return fail('write', message, hint ?? 'Look at the disk and the log of the database.')
  }
  throw new Error('unreachable')
}
