import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import anyTest, { type TestFn } from 'ava'
import { makeRecordingId } from '../../../format/recording-id.ts'
import { type ListQuery, listRecordings } from '../../../node/catalog/list-recordings.ts'
import { newRecording } from '../../../node/catalog/new-recording.ts'
import { type CatalogDatabase, openCatalog } from '../../../node/catalog/open-catalog.ts'
import type { RecordingFilter } from '../../../node/catalog/recording-filter.ts'
import type { NewRecording } from '../../../node/catalog/schema.ts'
import { facts } from '../../helpers/sample-stream.ts'

// More rows than a list takes from an index and sorts, so that each question has a rare and a frequent answer.

const count = 5200
const startMs = Date.UTC(2026, 0, 1)

const made: NewRecording[] = Array.from({ length: count }, (_, i) => {
  const started = startMs + Math.floor(i / 2) * 1000
  const recording = makeRecordingId(started, randomBytes(10))
  const of = {
    ...facts,
    user: i % 500 === 0 ? 'zoe' : `ada${i % 3}`,
    host: `ward-${i % 9}`,
    command: `vi /srv/note-${i}`,
  }
  const place = { store: 's', path: recording }
  return {
    ...newRecording({ recording, facts: of, agent: 'a', node: 'n', place, openedMs: 0 }),
    session: recording,
  }
})

const test = anyTest as TestFn<{ dir: string; db: CatalogDatabase }>

test.before(async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'tapedeck-test-'))
  const db = await openCatalog(join(dir, 'catalog.db'))
  t.context = { dir, db }
  for (let at = 0; at < count; at += 500)
    await db
      .insertInto('recordings')
      .values(made.slice(at, at + 500))
      .execute()
})

test.after.always(async (t) => {
  await t.context.db.destroy()
  await rm(t.context.dir, { recursive: true })
})

const questions: [RecordingFilter, (row: NewRecording) => boolean][] = [
  [{}, () => true],
  [{ user: 'ada*' }, (row) => row.userName.startsWith('ada')],
  [{ user: 'z*' }, (row) => row.userName === 'zoe'],
  [{ user: '*', host: 'ward-3' }, (row) => row.host === 'ward-3'],
  [{ user: 'a*', host: 'ward-*' }, (row) => row.userName.startsWith('a')],
  [{ text: 'SRV/note' }, () => true],
  [{ text: 'note-77' }, (row) => row.command.includes('note-77')],
  [{ text: 'zo' }, (row) => row.userName === 'zoe'],
  [{ text: 'nobody has this' }, () => false],
  [
    { text: 'note-1', user: 'ada*', fromMs: startMs + 60_000 },
    (row) =>
      row.command.includes('note-1') && row.userName.startsWith('ada') && row.startMs >= startMs + 60_000,
  ],
]

for (const [filter, matches] of questions)
  test(`all pages of ${JSON.stringify(filter)} are what matches, newest first`, async (t) => {
    const { db } = t.context
    const expected = made
      .filter(matches)
      .toSorted((a, b) => b.startMs - a.startMs || (a.id < b.id ? 1 : -1))
      .map(({ id }) => id)
    const found: string[] = []
    const query: ListQuery = { filter, order: 'newest', limit: 500 }
    for (
      let next = await listRecordings(db, query);
      ;
      next = await listRecordings(db, { ...query, after: next.next! })
    ) {
      found.push(...next.rows.map(({ id }) => id))
      if (!next.next) break
    }
    t.deepEqual(found, expected)
  })
