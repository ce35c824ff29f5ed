import { type Kysely, type Migration, sql } from 'kysely'
import { columnTypes } from './column-types.ts'
import { speaksPostgres } from './postgres-dialect.ts'
import { ensureWordIndex, fillWords } from './word-index.ts'

// Only ever added to: a catalog in the field has run the ones before. Columns of `columnTypes` only.

const start: Migration = {
  async up(db: Kysely<unknown>) {
    const { text, integer } = columnTypes(db)
    await db.schema
      .createTable('recordings')
      .addColumn('row', integer, (c) =>
        speaksPostgres(db) ? c.primaryKey().generatedByDefaultAsIdentity() : c.primaryKey().autoIncrement(),
      )
      .addColumn('id', text, (c) => c.notNull().unique())
      .addColumn('session', text, (c) => c.notNull())
      .addColumn('sequence', integer, (c) => c.notNull())
      .addColumn('userName', text, (c) => c.notNull())
      .addColumn('host', text, (c) => c.notNull())
      .addColumn('application', text, (c) => c.notNull())
      .addColumn('command', text, (c) => c.notNull())
      .addColumn('clientName', text, (c) => c.notNull())
      .addColumn('clientAddress', text, (c) => c.notNull())
      .addColumn('type', text, (c) => c.notNull())
      .addColumn('state', text, (c) => c.notNull())
      .addColumn('startMs', 'bigint', (c) => c.notNull())
      .addColumn('endMs', 'bigint')
      .addColumn('endUs', 'bigint', (c) => c.notNull())
      .addColumn('bytes', 'bigint', (c) => c.notNull())
      .addColumn('screenBytes', 'bigint', (c) => c.notNull())
      .addColumn('sealedBytes', 'bigint', (c) => c.notNull())
      .addColumn('rawBytes', 'bigint', (c) => c.notNull())
      .addColumn('frames', integer, (c) => c.notNull())
      .addColumn('gaps', integer, (c) => c.notNull())
      .addColumn('proof', text, (c) => c.notNull())
      .addColumn('problem', text)
      .addColumn('endReason', text)
      .addColumn('exitStatus', integer)
      .addColumn('exitSignal', integer)
      .addColumn('agent', text, (c) => c.notNull())
      .addColumn('node', text, (c) => c.notNull())
      .addColumn('store', text, (c) => c.notNull())
      .addColumn('path', text, (c) => c.notNull())
      .addColumn('facts', text, (c) => c.notNull())
      .addColumn('lostMs', 'bigint')
      .addColumn('openedMs', 'bigint', (c) => c.notNull())
      .execute()
    // Each filter's index ends in the list's order, so a page is read from it without sorting.
    const index = (name: string, columns: string[]) =>
      db.schema.createIndex(name).on('recordings').columns(columns).execute()
    await index('recordingsByStart', ['startMs', 'id'])
    await index('recordingsByUser', ['userName', 'startMs', 'id'])
    await index('recordingsByHost', ['host', 'startMs', 'id'])
    await index('recordingsByApplication', ['application', 'startMs', 'id'])
    await index('recordingsByState', ['state', 'startMs', 'id'])
    await index('recordingsBySession', ['session', 'sequence'])

    await db.schema
      .createTable('tombstones')
      .addColumn('recording', text, (c) => c.primaryKey())
      .addColumn('deletedMs', 'bigint', (c) => c.notNull())
      .addColumn('deletedBy', text, (c) => c.notNull())
      .execute()
    await accounts(db)
    await agents(db)
    if (!speaksPostgres(db)) await searchIndex(db)
  },
}

async function accounts(db: Kysely<unknown>): Promise<void> {
  const { text } = columnTypes(db)
  await db.schema
    .createTable('users')
    .addColumn('name', text, (c) => c.primaryKey())
    .addColumn('password', text)
    .addColumn('roles', text, (c) => c.notNull())
    .addColumn('createdMs', 'bigint', (c) => c.notNull())
    .execute()
  const owned = (name: string) =>
    db.schema
      .createTable(name)
      .addColumn('hash', text, (c) => c.primaryKey())
      .addColumn('userName', text, (c) => c.notNull().references('users.name').onDelete('cascade'))
  await owned('signIns')
    .addColumn('csrf', text, (c) => c.notNull())
    .addColumn('createdMs', 'bigint', (c) => c.notNull())
    .addColumn('seenMs', 'bigint', (c) => c.notNull())
    .execute()
  await owned('tickets')
    .addColumn('expiresMs', 'bigint', (c) => c.notNull())
    .execute()
  await owned('apiTokens')
    .addColumn('label', text, (c) => c.notNull())
    .addColumn('createdMs', 'bigint', (c) => c.notNull())
    .execute()
}

async function agents(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypes(db)
  await db.schema
    .createTable('agents')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('host', text, (c) => c.notNull())
    .addColumn('machine', text, (c) => c.notNull())
    .addColumn('publicKey', text, (c) => c.notNull())
    .addColumn('enrolledMs', 'bigint', (c) => c.notNull())
    .addColumn('revokedMs', 'bigint')
    .addColumn('seenMs', 'bigint', (c) => c.notNull())
    .execute()
  await db.schema
    .createTable('enrolmentTokens')
    .addColumn('hash', text, (c) => c.primaryKey())
    .addColumn('usesLeft', integer, (c) => c.notNull())
    .addColumn('expiresMs', 'bigint', (c) => c.notNull())
    .addColumn('createdBy', text, (c) => c.notNull())
    .execute()
}

// Part matches of rare words: trigrams of what the quick search looks at. SQLite's own.
async function searchIndex(db: Kysely<unknown>): Promise<void> {
  const words = (row: string) =>
    ['userName', 'host', 'application', 'command', 'clientName', 'clientAddress']
      .map((column) => `${row}."${column}"`)
      .join(` || char(10) || `)
  const statements = [
    `create virtual table "recordingWords" using fts5(words, content='', contentless_delete=1, tokenize='trigram', detail='none')`,
    `create trigger "recordingWordsAdd" after insert on recordings begin
       insert into "recordingWords"(rowid, words) values (new.row, ${words('new')}); end`,
    `create trigger "recordingWordsRemove" after delete on recordings begin
       delete from "recordingWords" where rowid = old.row; end`,
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const hosts: Migration = {
  async up(db: Kysely<unknown>) {
    const { text } = columnTypes(db)
    await db.schema
      .createTable('settings')
      .addColumn('name', text, (c) => c.primaryKey())
      .addColumn('value', text, (c) => c.notNull())
      .execute()
    await db.schema.alterTable('agents').addColumn('parent', text).execute()
    await db.schema.createIndex('agentsByKey').on('agents').column('publicKey').execute()
  },
}

const words: Migration = {
  async up(db: Kysely<unknown>) {
    const { text } = columnTypes(db)
    await db.schema
      .alterTable('recordings')
      .addColumn('words', text, (c) => c.notNull().defaultTo(''))
      .execute()
    // Live rows change each second: with room in its page for the next version, a row needs no new entry in any index.
    if (speaksPostgres(db)) await sql`alter table recordings set (fillfactor = 70)`.execute(db)
    await fillWords(db)
    await ensureWordIndex(db)
  },
}

// Of a desktop's second stream: what the first one's columns say of the timeline.
const screens: Migration = {
  async up(db: Kysely<unknown>) {
    const { text, integer } = columnTypes(db)
    const add = (name: string, type: 'bigint' | typeof integer) =>
      db.schema
        .alterTable('recordings')
        .addColumn(name, type, (c) => c.notNull().defaultTo(0))
        .execute()
    await add('screenSealedBytes', 'bigint')
    await add('screenGaps', integer)
    await db.schema.alterTable('recordings').addColumn('screenEnd', text).execute()
  },
}

/** By name, in the order they are run. */
export const migrations: Record<string, Migration> = {
  '0001-start': start,
  '0002-hosts': hosts,
  '0003-words': words,
  '0004-screens': screens,
}
