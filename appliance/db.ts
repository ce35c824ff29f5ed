import { resolve } from 'node:path'
import { examineCatalog } from '../node/catalog/examine-catalog.ts'
import { readVersion } from '../node/catalog/migrate.ts'
import { connectCatalog, openCatalog } from '../node/catalog/open-catalog.ts'
import { readPassword, storedPassword } from '../node/catalog/postgres-client.ts'
import { isPostgres, type PostgresHost, postgresConnection } from '../node/catalog/postgres-connection.ts'
import { migrationLimits } from '../node/catalog/postgres-limits.ts'
import { provisionPostgres } from '../node/catalog/provision-postgres.ts'
import { retryWordIndex } from '../node/catalog/word-index.ts'
import { nodeConfigPath } from '../node/config.ts'
import { readNodeConfig } from '../node/read-config.ts'
import { asOwnerOf } from './as-owner.ts'
import { askPassword } from './ask-password.ts'
import { findingsText, isUnusable } from './findings.ts'
import type { Home } from './home.ts'

/** As the node's user, who will use it. Says what is well and what to do about the rest; exit 1 if a node could not use it. */
export async function test(
  home: Home,
  given: string | undefined,
  options: { json?: boolean },
): Promise<void> {
  const findings = await asOwnerOf(home.root, async () => examineCatalog(await connectionOf(home, given)))
  if (options.json) process.stdout.write(`${JSON.stringify({ findings })}\n`)
  else process.stdout.write(findingsText(findings))
  if (isUnusable(findings)) process.exitCode = 1
}

export interface MigrateOptions {
  json?: boolean
  admin?: string
  adminPasswordFile?: string
}

export async function migrate(home: Home, given: string | undefined, options: MigrateOptions): Promise<void> {
  const connection = await connectionOf(home, given)
  const done: string[] = []
  if (options.admin !== undefined)
    done.push(...(await provision(connection, options.admin, options.adminPasswordFile)))
  const before = await versionOf(connection)
  await (await openCatalog(connection)).destroy()
  const found = await versionOf(connection)
  done.push(
    found === before
      ? `The catalog is at version ${found}.`
      : `The catalog went from ${before ?? 'nothing'} to ${found}.`,
  )
  if (!(await addWordIndex(connection)))
    done.push('It has no search index: an administrator (--admin) may add the extension pg_trgm.')
  if (options.json) process.stdout.write(`${JSON.stringify({ version: found, done })}\n`)
  else process.stdout.write(done.map((line) => `${line}\n`).join(''))
}

async function connectionOf(home: Home, given: string | undefined): Promise<string> {
  if (given === undefined) return (await readNodeConfig(nodeConfigPath(home.root))).catalog
  return isPostgres(given) ? given : resolve(given)
}

async function addWordIndex(connection: string): Promise<boolean> {
  const db = connectCatalog(connection, migrationLimits)
  try {
    return await retryWordIndex(db)
  } finally {
    await db.destroy()
  }
}

async function versionOf(connection: string): Promise<string | undefined> {
  const db = connectCatalog(connection)
  try {
    return (await readVersion(db)).found
  } finally {
    await db.destroy()
  }
}

/** With the password from the file, the environment, where any connection's is, or who sits here. */
async function provision(target: string, admin: string, passwordFile: string | undefined): Promise<string[]> {
  const connection = postgresConnection(admin)
  let typed: string | undefined
  let wanted = false
  const password = async (host: PostgresHost) => {
    if (passwordFile !== undefined) return await readPassword(passwordFile)
    const known = typed ?? process.env.TAPEDECK_DB_ADMIN_PASSWORD ?? (await storedPassword(connection, host))
    wanted ||= known === undefined
    return known
  }
  const run = () => provisionPostgres(postgresConnection(target), { connection, password })
  try {
    return await run()
  } catch (error) {
    if (!wanted) throw error
    // Asked outside of the connection, which would not wait for it.
    typed = await askPassword(`Password of ${connection.user} for PostgreSQL`, 'Use --admin-password-file.')
    return await run()
  }
}
