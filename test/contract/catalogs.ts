import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext, Implementation, TestFn } from 'ava'
import { makeRecordingId } from '../../format/recording-id.ts'
import type { Facts } from '../../format/records.ts'
import { newRecording } from '../../node/catalog/new-recording.ts'
import { type CatalogDatabase, openCatalog } from '../../node/catalog/open-catalog.ts'
import type { NewRecording } from '../../node/catalog/schema.ts'
import { noPostgres, startPostgres, type TestPostgres } from '../helpers/postgres.ts'
import { facts } from '../helpers/sample-stream.ts'

// The catalog's databases, for suites that run on each: what one does, the other does.

export interface Catalogs {
  name: string
  /** An empty one of its own; `again` opens it once more, as another node does. */
  open(t: ExecutionContext): Promise<{ db: CatalogDatabase; again(): Promise<CatalogDatabase> }>
}

/** Runs the suite on every database there is, and skips the others saying why. */
export function onEachCatalog(test: TestFn, suite: (test: TestFn, catalogs: Catalogs) => void): void {
  let postgres: TestPostgres | undefined
  const reason = noPostgres()
  if (!reason) {
    test.before(async () => {
      postgres = await startPostgres()
    })
    test.after.always(() => postgres?.close())
  }
  for (const [name, connection] of [
    ['SQLite', sqliteFile],
    ['PostgreSQL', () => postgres!.database()],
  ] as const) {
    const named = ((title: string, body: Implementation<unknown[]>) =>
      name === 'PostgreSQL' && reason
        ? test.skip(`${name}: ${title} (${reason})`, body)
        : test(`${name}: ${title}`, body)) as TestFn
    suite(named, {
      name,
      async open(t) {
        const where = await connection(t)
        const again = async () => {
          const db = await openCatalog(where)
          t.teardown(() => db.destroy())
          return db
        }
        return { db: await again(), again }
      },
    })
  }
}

export async function sqliteFile(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tapedeck-catalog-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return join(folder, 'catalog.db')
}

export interface Sample extends Partial<Facts> {
  startMs?: number
  agent?: string
  node?: string
}

/** The id of the `seed`-th sample; ids of one start are in no order. */
export function idOf(seed: number, startMs = facts.startedMs): string {
  return makeRecordingId(startMs, createHash('sha256').update(String(seed)).digest().subarray(0, 10))
}

export const place = { store: 'store-1', path: '2026/09/21/x' }

export function sampleRow(seed: number, sample: Sample = {}): NewRecording {
  const { startMs, agent = 'agent-1', node = 'node-1', ...changed } = sample
  const recording = idOf(seed, startMs)
  const opened = { facts: { ...facts, ...changed }, agent, node, place, openedMs: 1000 }
  return newRecording({ recording, ...opened })
}
