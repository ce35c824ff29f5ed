import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { eventually } from './eventually.ts'
import { asPostgres, binaries, binary, freePort, lowered, ownFolder } from './postgres-programs.ts'

// PostgreSQL as it is, in a folder of its own, on a Unix socket there, as another user, since it refuses root. Its order of
// letters is a language's, not that of bytes, so that who relies on the database for that is found out.

export interface TestPostgres {
  /** Folder of the data, the socket and the log. */
  readonly folder: string
  readonly port: number
  /** Of the server's first process, as it is now. */
  pid(): number | undefined
  /** How a catalog connects to it; as the superuser `postgres` unless told. */
  url(database: string, options?: { user?: string; more?: string }): string
  /** Makes an empty database of its own and returns its connection. */
  database(): Promise<string>
  query<R extends pg.QueryResultRow>(sql: string, database?: string): Promise<R[]>
  start(): Promise<void>
  /** All its processes stand still, as behind a network that drops everything, until `resume`. */
  pause(): Promise<void>
  resume(): Promise<void>
  /** `fast`: as an operator stops it. `kill`: all its processes at once, as a machine that dies. */
  stop(how?: 'fast' | 'kill'): Promise<void>
  /** Another cluster that follows this one, and takes no writes before `promote`. */
  standby(machine?: PostgresMachine): Promise<TestPostgres>
  /** Waits until it has what its primary has, then forgets it: what comes later it never knows. */
  cutOff(): Promise<void>
  promote(): Promise<void>
  /** Stops it, with its standbys, and removes their folders. */
  close(): Promise<void>
}

/** Where it runs when not here: in a network of its own, listening at an address there, on PostgreSQL's own port. */
export interface PostgresMachine {
  /** Put before a command to run it inside. */
  within: readonly string[]
  address: string
}

export interface PostgresOptions {
  /** Syncs what it commits: for tests that kill it and count what is left. */
  durable?: boolean
  settings?: Record<string, string>
  /** Listens on 127.0.0.1 too, at a free port. */
  tcp?: boolean
  machine?: PostgresMachine
  /** PEM; it then takes TLS. */
  tls?: { key: string; cert: string }
  /** Lines of pg_hba.conf before the one that trusts everybody. */
  access?: string[]
}

/** Why there is no PostgreSQL here; `undefined` where there is. */
export function noPostgres(): string | undefined {
  return binaries() === undefined ? 'needs PostgreSQL (Debian: postgresql)' : undefined
}

let databases = 0
/** `create database` copies a template that only one may copy at a time. */
let creating: Promise<unknown> = Promise.resolve()
/** Of sockets in folders of their own. */
const portDefault = 5432

export async function startPostgres(options: PostgresOptions = {}): Promise<TestPostgres> {
  const folder = await ownFolder()
  const data = join(folder, 'data')
  const locale = ['--encoding=UTF8', '--locale=C.UTF-8', '--locale-provider=icu', '--icu-locale=de']
  await asPostgres('initdb', ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-sync', ...locale])
  const write = (name: string, text: string) =>
    asPostgres('sh', ['-c', 'umask 077; cat >"$1"', 'sh', join(data, name)], { input: Buffer.from(text) })
  const access = await readFile(join(data, 'pg_hba.conf'), 'utf8')
  if (options.access) await write('pg_hba.conf', [...options.access, access].join('\n'))
  if (options.tls) {
    await write('server.key', options.tls.key)
    await write('server.crt', options.tls.cert)
  }
  const port = options.tcp ? await freePort() : portDefault
  const server = openServer(folder, options, { port })
  await server.start()
  return server
}

function openServer(
  folder: string,
  options: PostgresOptions,
  { port, primary }: { port: number; primary?: TestPostgres },
): TestPostgres {
  const data = join(folder, 'data')
  const log = join(folder, 'log')
  const standbys: TestPostgres[] = []
  let child: ChildProcess | undefined
  const settings = {
    listen_addresses: options.machine?.address ?? (options.tcp ? '127.0.0.1' : ''),
    ...(options.tls && { ssl: 'on' }),
    unix_socket_directories: folder,
    port: String(port),
    max_connections: '60',
    shared_buffers: '32MB',
    autovacuum: 'off',
    ...(!options.durable && { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
    ...options.settings,
  }

  const signal = async (name: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL') => {
    const first = child!.pid!
    // It starts no others from here on.
    if (name === 'SIGKILL') process.kill(first, 'SIGSTOP')
    const children = await readFile(`/proc/${first}/task/${first}/children`, 'utf8')
    for (const pid of children.trim().split(' ').filter(Boolean)) process.kill(Number(pid), name)
    process.kill(first, name)
  }
  const server: TestPostgres = {
    folder,
    port,
    pid: () => child?.pid,
    url: (database, { user = 'postgres', more = '' } = {}) =>
      `postgres://${user}@/${database}?host=${folder}${port === portDefault ? '' : `&port=${port}`}${more}`,
    async database() {
      databases += 1
      const name = `catalog_${process.pid}_${databases}`
      creating = creating.then(() => server.query(`create database ${name}`))
      await creating
      return server.url(name)
    },
    async query<R extends pg.QueryResultRow>(sql: string, database = 'postgres') {
      const client = new pg.Client({ host: folder, port, user: 'postgres', database })
      client.on('error', () => undefined)
      await client.connect()
      try {
        return (await client.query<R>(sql)).rows
      } finally {
        await client.end()
      }
    },
    async start() {
      const set = Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`])
      const out = openSync(log, 'a')
      const within = options.machine?.within ?? []
      const [program, ...args] = [...within, 'setpriv', ...lowered('INT'), binary('postgres'), '-D', data]
      child = spawn(program!, [...args, ...set], { stdio: ['ignore', out, out] })
      const started = child
      await eventually(
        async () => {
          if (started.exitCode === null) return await server.query('select 1')
          throw new Error(`PostgreSQL does not start: ${await readFile(log, 'utf8')}`)
        },
        { timeoutMs: 60_000 },
      )
    },
    async stop(how = 'fast') {
      if (!child || child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      if (how === 'kill') await signal('SIGKILL')
      else child.kill('SIGINT')
      await ended
    },
    pause: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
    async standby(machine) {
      const other = await ownFolder()
      const copy = ['-D', join(other, 'data'), '-h', folder, '-p', String(port), '-U', 'postgres']
      await asPostgres('pg_basebackup', [...copy, '-R', '-c', 'fast', '-X', 'stream', '--no-sync'])
      const { machine: _, ...same } = options
      const standby = openServer(
        other,
        { ...same, tcp: false, ...(machine && { machine }) },
        { port: portDefault, primary: server },
      )
      standbys.push(standby)
      await standby.start()
      return standby
    },
    async cutOff() {
      const [at] = (await primary!.query<{ lsn: string }>('select pg_current_wal_flush_lsn() as lsn')) as [
        { lsn: string },
      ]
      await eventually(async () => {
        const [row] = await server.query(`select pg_last_wal_replay_lsn() >= '${at.lsn}' as has`)
        if (!row!.has) throw new Error('It is behind.')
      })
      await server.query(`alter system set primary_conninfo = ''`)
      await server.query('select pg_reload_conf()')
      await eventually(async () => {
        const receivers = await server.query('select 1 from pg_stat_wal_receiver')
        if (receivers.length > 0) throw new Error('It still receives.')
      })
    },
    async promote() {
      await server.query('select pg_promote(true, 60)')
    },
    async close() {
      for (const standby of standbys) await standby.close()
      await server.stop()
      await rm(folder, { recursive: true, force: true, maxRetries: 10 })
    },
  }
  return server
}
