import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import type { SqliteReply, SqliteRequest } from './sqlite-worker.ts'

/** A statement that SQLite refused. `code` is Node's, `number` SQLite's extended result code. */
export class SqliteError extends Error {
  readonly code: string
  readonly number: number

  constructor(error: { message: string; code: string; number: number }) {
    super(error.message)
    this.name = 'SqliteError'
    this.code = error.code
    this.number = error.number
  }
}

/** Kysely over node:sqlite in a worker thread; Kysely's own SqliteDialect does not speak node:sqlite. */
export function sqliteDialect(file: string): Dialect {
  return {
    createDriver: () => new SqliteDriver(file),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createAdapter: () => new TransactionalAdapter(),
    createIntrospector: (db) => new SqliteIntrospector(db),
  }
}

// Kysely thinks SQLite could not take back what changes tables, and would let two processes migrate at once.
class TransactionalAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

// One connection: who has acquired it works alone, so a transaction is never mixed with other statements.
class SqliteDriver implements Driver {
  readonly #file: string
  #connection: SqliteConnection | undefined
  #turn: Promise<void> = Promise.resolve()
  #release: (() => void) | undefined

  constructor(file: string) {
    this.#file = file
  }

  async init(): Promise<void> {
    this.#connection = await SqliteConnection.open(this.#file)
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    const before = this.#turn
    const mine = Promise.withResolvers<void>()
    this.#turn = mine.promise
    await before
    this.#release = mine.resolve
    return this.#connection!
  }

  async releaseConnection(): Promise<void> {
    this.#release?.()
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'))
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('commit'))
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('rollback'))
  }

  async destroy(): Promise<void> {
    await this.#connection?.close()
  }
}

class SqliteConnection implements DatabaseConnection {
  readonly #worker: Worker
  readonly #waiting = new Map<number, PromiseWithResolvers<QueryResult<unknown>>>()
  #next = 0
  #dead: Error | undefined

  private constructor(worker: Worker) {
    this.#worker = worker
    worker.on('message', (reply: SqliteReply) => {
      const waiting = this.#waiting.get(reply.id)
      this.#waiting.delete(reply.id)
      if ('error' in reply) waiting?.reject(new SqliteError(reply.error))
      else waiting?.resolve({ rows: reply.rows, numAffectedRows: BigInt(reply.changes) })
    })
    worker.on('error', (error) => this.#fail(error as Error))
    worker.on('exit', () => this.#fail(new Error('The catalog is closed.')))
  }

  static async open(file: string): Promise<SqliteConnection> {
    const worker = new Worker(new URL('./sqlite-worker.ts', import.meta.url), { workerData: { file } })
    const connection = new SqliteConnection(worker)
    await once(worker, 'online')
    await connection.#send('select 1', [])
    return connection
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    return (await this.#send(query.sql, query.parameters as SqliteRequest['parameters'])) as QueryResult<R>
  }

  // biome-ignore lint/correctness/useYield: Kysely's port asks for a generator; the catalog pages instead of streaming.
  async *streamQuery<R>(): AsyncGenerator<QueryResult<R>> {
    throw new Error('The catalog pages its results; it does not stream them.')
  }

  async close(): Promise<void> {
    if (this.#dead) return
    const exited = once(this.#worker, 'exit')
    this.#worker.postMessage('close')
    await exited
  }

  #send(sql: string, parameters: SqliteRequest['parameters']): Promise<QueryResult<unknown>> {
    if (this.#dead) return Promise.reject(this.#dead)
    const id = this.#next++
    const waiting = Promise.withResolvers<QueryResult<unknown>>()
    this.#waiting.set(id, waiting)
    this.#worker.postMessage({ id, sql, parameters } satisfies SqliteRequest)
    return waiting.promise
  }

  #fail(error: Error): void {
    this.#dead ??= error
    for (const waiting of this.#waiting.values()) waiting.reject(this.#dead)
    this.#waiting.clear()
  }
}
