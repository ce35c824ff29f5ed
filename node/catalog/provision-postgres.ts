import { Kysely, sql } from 'kysely'
import { createFile } from '../../disk/exclusive-file.ts'
import { CatalogError } from './catalog-error.ts'
import { type AskPassword, readPassword } from './postgres-client.ts'
import type { PostgresConnection } from './postgres-connection.ts'
import { type AnyDatabase, postgresDialect } from './postgres-dialect.ts'
import { postgresLimits } from './postgres-limits.ts'
import { scramVerifier } from './scram-verifier.ts'
import { makeSecret } from './secret.ts'

export interface Administrator {
  connection: PostgresConnection
  /** Asked when a server wants it, and kept nowhere. */
  password?: AskPassword
}

/**
 * Makes what the catalog's connection names and lacks, as an administrator: the role, which may sign in and nothing else;
 * the database; in it the right to make tables, and the extension of the search index. Says what it did. May be repeated.
 */
export async function provisionPostgres(
  target: PostgresConnection,
  administrator: Administrator,
): Promise<string[]> {
  const done: string[] = []
  const role = sql.id(target.user)
  const database = sql.id(target.database)
  await asAdministrator(administrator, administrator.connection.database, async (db) => {
    if (!(await exists(db, sql`pg_roles where rolname = ${target.user}`))) {
      const password = await rolePassword(target, done)
      const verifier = password === undefined ? sql`null` : sql.lit(scramVerifier(password))
      await sql`create role ${role} login nosuperuser nocreatedb nocreaterole noreplication
        password ${verifier}`.execute(db)
      done.push(`Made the role ${target.user}${password === undefined ? ', without a password' : ''}.`)
    }
    if (await exists(db, sql`pg_database where datname = ${target.database}`)) return
    await sql`create database ${database} template template0 encoding 'UTF8'`.execute(db)
    await sql`revoke all on database ${database} from public`.execute(db)
    done.push(`Made the database ${target.database}.`)
  })
  await asAdministrator(administrator, target.database, async (db) => {
    await sql`grant connect on database ${database} to ${role}`.execute(db)
    await sql`grant usage, create on schema public to ${role}`.execute(db)
    if (await exists(db, sql`pg_extension where extname = 'pg_trgm'`)) return
    if (!(await exists(db, sql`pg_available_extensions where name = 'pg_trgm'`))) {
      done.push('Found no extension pg_trgm on the server: searches read the list instead.')
      return
    }
    await sql`create extension pg_trgm`.execute(db)
    done.push('Added the extension pg_trgm.')
  })
  return done
}

async function asAdministrator(
  { connection, password }: Administrator,
  database: string,
  work: (db: AnyDatabase) => Promise<void>,
): Promise<void> {
  const db = new Kysely({ dialect: postgresDialect({ ...connection, database }, postgresLimits, password) })
  try {
    await work(db)
  } catch (error) {
    if ((error as { code?: unknown }).code !== '42501') throw error
    throw new CatalogError(
      'catalog-rights',
      `${connection.user} may not do that: ${(error as Error).message}.`,
      'Name an administrator who may create roles and databases.',
      error,
    )
  } finally {
    await db.destroy()
  }
}

async function exists(db: AnyDatabase, where: ReturnType<typeof sql>): Promise<boolean> {
  const { rows } = await sql`select 1 from ${where}`.execute(db)
  return rows.length > 0
}

/** What passwordFile has; made there when it is absent. Without one the role has none, and pg_hba.conf lets it in. */
async function rolePassword(
  { passwordFile }: PostgresConnection,
  done: string[],
): Promise<string | undefined> {
  if (passwordFile === undefined) return undefined
  if (await createFile(passwordFile, Buffer.from(`${makeSecret()}\n`)))
    done.push(`Made a password in ${passwordFile}: let the user of the node read it.`)
  const password = await readPassword(passwordFile)
  if (/^[\x20-\x7e]{8,}$/.test(password)) return password
  throw new CatalogError(
    'catalog-connection',
    `${passwordFile} must have a password of at least 8 printable ASCII characters.`,
    'Remove the file, and one is made.',
  )
}
