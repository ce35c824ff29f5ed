import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'

// The catalog's only thread that touches SQLite: its calls block, and the event loop that acknowledges agents must not.
// One statement in, its rows out, in order. Transactions are statements like any other; the dialect keeps others out meanwhile.

/** Statements kept prepared; the catalog has fewer than this. */
const statementsKept = 200

const optimizeMs = 3_600_000

export interface SqliteRequest {
  id: number
  sql: string
  parameters: (string | number | null)[]
}

export type SqliteReply =
  | { id: number; rows: Record<string, unknown>[]; changes: number }
  | { id: number; error: { message: string; code: string; number: number } }

const { file } = workerData as { file: string }
// Another process (set-up, a backup) may hold the lock for a moment.
const database = new DatabaseSync(file, { timeout: 5000 })
// FULL: a commit survives a power cut, which `completed` promises. 64 MiB of pages keep a million rows' indexes near.
database.exec(`pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on;
  pragma cache_size = -65536; pragma temp_store = memory;`)

// Without statistics the planner takes all indexes for equally good: of a user's rows and an application's, a thousand
// times as many, it may read the latter. Cheap where nothing has changed; 0x10000 looks at tables not yet used, too.
database.exec('pragma optimize = 0x10002')
setInterval(() => database.exec('pragma optimize'), optimizeMs).unref()

const statements = new Map<string, StatementSync>()

function prepared(sql: string): StatementSync {
  const found = statements.get(sql)
  if (found) {
    statements.delete(sql)
    statements.set(sql, found)
    return found
  }
  const made = database.prepare(sql)
  if (statements.size >= statementsKept) statements.delete(statements.keys().next().value!)
  statements.set(sql, made)
  return made
}

function run({ id, sql, parameters }: SqliteRequest): SqliteReply {
  try {
    const statement = prepared(sql)
    if (statement.columns().length > 0) {
      const rows = statement.all(...parameters) as Record<string, unknown>[]
      return { id, rows, changes: rows.length }
    }
    return { id, rows: [], changes: Number(statement.run(...parameters).changes) }
  } catch (error) {
    const { message, code, errcode } = error as Error & { code?: string; errcode?: number }
    return { id, error: { message, code: code ?? 'ERR_SQLITE', number: errcode ?? 0 } }
  }
}

parentPort!.on('message', (request: SqliteRequest | 'close') => {
  if (request !== 'close') return parentPort!.postMessage(run(request))
  statements.clear()
  database.close()
  parentPort!.close()
})
