import type { ExecutionContext } from 'ava'
import test from 'ava'
import { encodeCursor, parseCursor } from '../../node/catalog/cursor.ts'
import { listRecordings } from '../../node/catalog/list-recordings.ts'
import type { ListQuery } from '../../node/catalog/list-select.ts'
import type { CatalogDatabase } from '../../node/catalog/open-catalog.ts'
import type { RecordingFilter } from '../../node/catalog/recording-filter.ts'
import type { NewRecording, RecordingState } from '../../node/catalog/schema.ts'
import { searchWords } from '../../node/catalog/search-words.ts'
import { onEachCatalog, sampleRow } from './catalogs.ts'

// What is listed is what plain code finds in the same rows, page by page, on each database.

const users = ['ada', 'Ada', 'ada-2', 'zoë', 'ZOË', 'ärlig', 'root', '_svc', 'a%b']
const hosts = ['ward-7', 'ward-70', 'ward-8', 'Ward-7', 'ιατρός', 'db_1', 'db-1']
const commands = [
  'bash -l',
  'vim notes.txt',
  'SELECT "a" FROM t',
  "it's",
  'tr a\\b _',
  '100% ÄÖÜ',
  '東京 デモ',
  '',
]
const states: RecordingState[] = ['live', 'complete', 'complete', 'complete', 'dormant', 'archived']
const sessionStartMs = 1_790_000_000_000

/** The same rows at every run: numbers of a small generator, not of chance. */
function rowsOf(count: number): NewRecording[] {
  let state = 7
  const random = (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((state / 2_147_483_648) * below)
  }
  const one = <T>(from: readonly T[]) => from[random(from.length)]!
  return Array.from({ length: count }, (_, i) => ({
    ...sampleRow(i, {
      // Some share a start, so that the id decides.
      startMs: sessionStartMs + 1000 * random(count / 3),
      user: one(users),
      host: one(hosts),
      application: one(['bash', 'vim', 'psql']),
      command: one(commands),
      client: { name: one(['', 'laptop', 'Büro']), address: `192.0.2.${random(5)}` },
    }),
    state: one(states),
  }))
}

async function add(db: CatalogDatabase, rows: NewRecording[]): Promise<void> {
  for (let at = 0; at < rows.length; at += 500)
    await db
      .insertInto('recordings')
      .values(rows.slice(at, at + 500))
      .execute()
}

function expected(rows: NewRecording[], { filter, order }: Pick<ListQuery, 'filter' | 'order'>): string[] {
  const matches = (value: string, wanted: string | undefined) =>
    wanted === undefined || (wanted.endsWith('*') ? value.startsWith(wanted.slice(0, -1)) : value === wanted)
  const texts = (row: NewRecording) =>
    [row.userName, row.host, row.application, row.command, row.clientName, row.clientAddress].map((text) =>
      text.toLowerCase(),
    )
  return rows
    .filter(
      (row) =>
        matches(row.userName, filter.user) &&
        matches(row.host, filter.host) &&
        matches(row.application, filter.application) &&
        (!filter.states || filter.states.includes(row.state)) &&
        row.startMs >= (filter.fromMs ?? 0) &&
        row.startMs < (filter.toMs ?? Number.MAX_SAFE_INTEGER) &&
        texts(row).some((text) => text.includes(filter.text?.trim().toLowerCase() ?? '')),
    )
    .sort((a, b) => (a.startMs - b.startMs || (a.id < b.id ? -1 : 1)) * (order === 'newest' ? -1 : 1))
    .map(({ id }) => id)
}

async function walked(t: ExecutionContext, db: CatalogDatabase, query: ListQuery): Promise<string[]> {
  const ids: string[] = []
  for (let page = await listRecordings(db, query); ; ) {
    ids.push(...page.rows.map(({ id }) => id))
    if (!page.next) return ids
    t.is(page.rows.length, query.limit)
    const after = parseCursor(encodeCursor(page.next))!
    page = await listRecordings(db, { ...query, after })
  }
}

const filters: RecordingFilter[] = [
  {},
  { user: 'ada' },
  { user: 'ada*' },
  { user: 'a%b' },
  { user: '_*' },
  { user: '*' },
  { host: 'ward-7*', states: ['complete'] },
  { host: 'Ward-7', application: 'vim' },
  { host: 'ι*' },
  { application: 'psql', states: ['live', 'dormant'] },
  { states: ['complete', 'live', 'dormant', 'archived'] },
  { states: ['complete', 'live'] },
  { states: [] },
  { fromMs: sessionStartMs + 100_000, toMs: sessionStartMs + 200_000 },
  { user: 'zoë', fromMs: sessionStartMs + 50_000, states: ['complete', 'archived'] },
  { text: 'a' },
  { text: ' ÄÖ ' },
  { text: 'zOË' },
  { text: 'Ärl' },
  { text: '%' },
  { text: '_' },
  { text: 'a\\b' },
  { text: '"a"' },
  { text: "it's" },
  { text: '東京 デ' },
  { text: '192.0.2.3', host: 'db*' },
  { text: 'büro', user: 'root', states: ['complete'] },
  { text: 'nowhere' },
  { text: '\0' },
  { user: 'nobody' },
]

onEachCatalog(test, (test, catalogs) => {
  test('filters, orders and pages agree with plain code', async (t) => {
    const { db } = await catalogs.open(t)
    const rows = rowsOf(700)
    await add(db, rows)
    for (const filter of filters)
      for (const order of ['newest', 'oldest'] as const) {
        const found = await walked(t, db, { filter, order, limit: 61 })
        t.deepEqual(found, expected(rows, { filter, order }), `${JSON.stringify(filter)} ${order}`)
      }
  })

  test('rare and frequent parts and beginnings in a longer list', async (t) => {
    const { db } = await catalogs.open(t)
    const rows = rowsOf(27_000)
    const byStart = rows.toSorted((a, b) => a.startMs - b.startMs)
    for (const row of byStart.slice(0, 6000)) {
      row.application = 'everywhere'
      row.words = searchWords(row)
    }
    await add(db, rows)
    // Each of some rows and of more than an index is asked for.
    const questions: RecordingFilter[] = [
      { text: 'everywhere' },
      { text: 'verywher', states: ['live'] },
      { text: 'verywher', user: 'a*', fromMs: sessionStartMs + 60_000 },
      { user: 'a*' },
      { user: 'a*', host: 'w*', states: ['complete', 'live'] },
      { user: 'z*', host: 'ward-70', text: 'vim' },
      { user: '*', text: 'laptop' },
      { states: ['archived', 'dormant'] },
    ]
    for (const filter of questions)
      for (const order of ['newest', 'oldest'] as const) {
        const all = expected(rows, { filter, order })
        const ids = await walked(t, db, { filter, order, limit: 500 })
        t.deepEqual(ids, all, `${JSON.stringify(filter)} ${order}`)
      }
  })
})
