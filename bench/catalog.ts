import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { sql } from 'kysely'
import { makeRecordingId } from '../format/recording-id.ts'
import type { Cursor } from '../node/catalog/cursor.ts'
import { listRecordings } from '../node/catalog/list-recordings.ts'
import { newRecording } from '../node/catalog/new-recording.ts'
import { type CatalogDatabase, connectCatalog, openCatalog } from '../node/catalog/open-catalog.ts'
import { migrationLimits } from '../node/catalog/postgres-limits.ts'
import type { RecordingFilter } from '../node/catalog/recording-filter.ts'
import type { NewRecording } from '../node/catalog/schema.ts'
import { noPostgres, startPostgres } from '../test/helpers/postgres.ts'
import { facts } from '../test/helpers/sample-stream.ts'
import { withDiskFolder } from './disk-folder.ts'
import type { Figure } from './main.ts'
import { median, percentile } from './median.ts'
import { randomNumbers } from './random-numbers.ts'

// What a page of the recordings list costs in a catalog of a million, asked as the API asks.

const rows = 1_000_000
const users = 2000
const hosts = 5000
const queriesEach = 100
const limit = 50
/** PostgreSQL's own, which the tests' clusters have not. */
const asByDefault = { autovacuum: 'on', shared_buffers: '128MB' }
/** Divides `rows`. */
const batchRows = 5000
const endMs = Date.UTC(2026, 0, 1)
const spanMs = 3 * 365 * 86_400_000
const applications =
  'bash zsh vim psql ansible-playbook kubectl top less htop ssh sftp python3 git make'.split(' ')
const firstNames =
  'ada ben cleo dora emil finn greta hanna ida jan kira lars mara nils olga per quin rosa sven tilda ulf vera wim xenia yara zeno anton berta carl dina erik frida georg helga ivar jutta klaus lena moritz nora'.split(
    ' ',
  )
const lastNames =
  'adler bach claus decker ebert fuchs graf haas ibsen jung kern lang maier neumann otto pohl quast richter sauer thoma ulrich vogel weber xander york zimmer albers brandt conrad dreher engel franke gross hartmann iser jost krause lorenz moser nagel opitz petri rausch stein traub unger voss winter ziegler arndt'.split(
    ' ',
  )
const things =
  'deploy backup restore patient ward index report cache queue ledger session image volume'.split(' ')

export async function run(): Promise<Figure[]> {
  const sqlite = await withDiskFolder(async (dir) => {
    const file = join(dir, 'catalog.db')
    await (await openCatalog(file)).destroy()
    fillFile(file)
    return await measure('sqlite_list_p95_ms', await openCatalog(file))
  })
  const reason = noPostgres()
  if (reason) {
    process.stderr.write(`No pg_list_p95_ms: ${reason}\n`)
    return [sqlite]
  }
  const server = await startPostgres({ durable: true, settings: asByDefault })
  try {
    const connection = await server.database()
    await (await openCatalog(connection)).destroy()
    await fillPostgres(connection)
    return [sqlite, await measure('pg_list_p95_ms', await openCatalog(connection))]
  } finally {
    await server.close()
  }
}

async function measure(key: string, db: CatalogDatabase): Promise<Figure> {
  try {
    const kinds: [string, number[]][] = []
    for (const [kind, next] of Object.entries(questions())) kinds.push([kind, await ask(db, next)])
    const [slowest, times] = kinds.toSorted((a, b) => percentile(b[1], 0.95) - percentile(a[1], 0.95))[0]!
    const all = kinds.map(([kind, ms]) => `${kind} ${percentile(ms, 0.95).toFixed(1)}`).join(', ')
    return {
      key,
      value: percentile(times, 0.95),
      bar: { atMost: 50 },
      about: `slowest kind of question: ${slowest}, median ${median(times).toFixed(1)} ms; p95 of each: ${all}`,
    }
  } finally {
    await db.destroy()
  }
}

type Question = { filter: RecordingFilter; order: 'newest' | 'oldest'; after?: Cursor }

function questions(): Record<string, () => Question> {
  const random = randomNumbers(4)
  const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)]!
  const atMs = () => Math.floor(endMs - random() * spanMs)
  const cursor = (): Cursor => ({ startMs: atMs(), id: 'ffffffff-ffff-7fff-8fff-ffffffffffff' })
  const ask = (filter: RecordingFilter, after?: Cursor): Question => ({
    filter,
    order: 'newest',
    ...(after && { after }),
  })
  const user = () => userName(Math.floor(random() ** 3 * users))
  const host = () => hostName(Math.floor(random() * hosts))
  return {
    newest: () => ask({}),
    oldest: () => ({ filter: {}, order: 'oldest' }),
    'deep page': () => ask({}, cursor()),
    user: () => ask({ user: user() }, cursor()),
    'user beginning': () => ask({ user: `${pick(firstNames)}*` }, cursor()),
    host: () => ask({ host: host() }),
    'host beginning': () => ask({ host: `ward-${Math.floor(random() * 50)}*` }, cursor()),
    application: () => ask({ application: pick(applications) }, cursor()),
    live: () => ask({ states: ['live'] }),
    'live and dormant': () => ask({ states: ['live', 'dormant'] }),
    'user and application': () => ask({ user: user(), application: pick(applications) }),
    'user and host': () => ask({ user: user(), host: host() }),
    day: () => {
      const fromMs = atMs()
      return ask({ fromMs, toMs: fromMs + 86_400_000 })
    },
    'user in a week': () => {
      const fromMs = atMs()
      return ask({ user: user(), fromMs, toMs: fromMs + 7 * 86_400_000 })
    },
    'user as a word': () => ask({ text: user() }),
    'rare word': () => ask({ text: `${pick(things)}-${Math.floor(random() * 100_000)}` }),
    'frequent word': () => ask({ text: pick(things) }, cursor()),
    'no such word': () => ask({ text: `qx${Math.floor(random() * 1000)}zj` }),
  }
}

/** ms of each, one after the other. */
async function ask(db: CatalogDatabase, next: () => Question): Promise<number[]> {
  const times: number[] = []
  for (let i = 0; i < queriesEach; i++) {
    const question = next()
    const since = performance.now()
    await listRecordings(db, { ...question, limit })
    times.push(performance.now() - since)
  }
  return times
}

const userName = (i: number) => `${firstNames[i % 40]}.${lastNames[Math.floor(i / 40)]}`
const hostName = (i: number) => `ward-${i}.example.org`

function* madeRows(): Generator<NewRecording> {
  const random = randomNumbers(3)
  const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)]!
  for (let i = 0; i < rows; i++) {
    const startedMs = Math.floor(endMs - spanMs + (i / rows) * spanMs)
    const bytes = new Uint8Array(10).map(() => random() * 256)
    const user = userName(Math.floor(random() ** 3 * users))
    const host = hostName(Math.floor(random() * hosts))
    const application = pick(applications)
    const thing = `${pick(things)}-${Math.floor(random() * 100_000)}`
    const command = `${application} --verbose /srv/${pick(things)}/${thing}`
    const recording = makeRecordingId(startedMs, bytes)
    const of = { ...facts, session: recording, user, host, application, command, startedMs }
    const place = { store: 'store-1', path: recording }
    const agent = `agent-${host}`
    yield {
      ...newRecording({ recording, facts: of, agent, node: 'node-1', place, openedMs: startedMs }),
      state: random() < 0.005 ? 'live' : random() < 0.01 ? 'dormant' : 'complete',
      endMs: startedMs + 600_000,
      endUs: 600e6,
      bytes: 40_000,
      frames: 3,
      proof: 'sealed',
    }
  }
}

// How the rows come is not what is measured, but they come through the schema's own triggers and indexes.

function fillFile(file: string): void {
  const database = new DatabaseSync(file)
  database.exec('pragma synchronous = off; pragma cache_size = -1000000; begin')
  let insert: StatementSync | undefined
  for (const row of madeRows()) {
    const columns = Object.keys(row)
    insert ??= database.prepare(
      `insert into recordings (${columns.map((name) => `"${name}"`).join(', ')}) values (${columns.map(() => '?').join(', ')})`,
    )
    insert.run(...(Object.values(row) as (string | number | null)[]))
  }
  database.exec('commit')
  database.close()
}

async function fillPostgres(connection: string): Promise<void> {
  const db = connectCatalog(connection, migrationLimits)
  // Indexes are made at once at the end, which takes a fifth of the time.
  const { rows: indexes } = await sql<{ name: string; statement: string }>`
    select indexname as name, indexdef as statement from pg_indexes
    where tablename = 'recordings' and indexname like 'recordingsBy%'`.execute(db)
  for (const { name } of indexes) await sql`drop index ${sql.id(name)}`.execute(db)
  let batch: NewRecording[] = []
  const insert = async () => {
    const columns = sql.join(Object.keys(batch[0]!).map((name) => sql.ref(name)))
    await sql`insert into recordings (${columns}) select ${columns}
      from json_populate_recordset(null::recordings, ${JSON.stringify(batch)})`.execute(db)
    batch = []
  }
  for (const row of madeRows()) if (batch.push(row) === batchRows) await insert()
  for (const { statement } of indexes) await sql.raw(statement).execute(db)
  // As autovacuum does some minutes later.
  await sql`vacuum analyze recordings`.execute(db)
  await db.destroy()
}
