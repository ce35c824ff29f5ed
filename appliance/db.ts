import { chown, readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { replaceFile } from '../disk/atomic-replace.ts'
import { copyCatalog } from '../node/catalog/copy-catalog.ts'
import { examineCatalog } from '../node/catalog/examine-catalog.ts'
import type { Finding } from '../node/catalog/finding.ts'
import { readVersion } from '../node/catalog/migrate.ts'
import { type CatalogDatabase, connectCatalog, openCatalog } from '../node/catalog/open-catalog.ts'
import { readPassword, storedPassword } from '../node/catalog/postgres-client.ts'
import { isPostgres, type PostgresHost, postgresConnection } from '../node/catalog/postgres-connection.ts'
import { migrationLimits } from '../node/catalog/postgres-limits.ts'
import { provisionPostgres } from '../node/catalog/provision-postgres.ts'
import { retryWordIndex } from '../node/catalog/word-index.ts'
import { nodeConfigPath } from '../node/config.ts'
import { readNodeConfig } from '../node/read-config.ts'
import { askPassword } from './ask-password.ts'
import { CommandError } from './command-error.ts'
import type { Home } from './home.ts'
import { escapeControls } from './print.ts'

/** Says what is well and what to do about the rest; exit 1 if a node could not use it. */
export async function test(
  home: Home,
  given: string | undefined,
  options: { json?: boolean },
): Promise<void> {
  const findings = await examineCatalog(await connectionOf(home, given))
  if (options.json) process.stdout.write(`${JSON.stringify({ findings })}\n`)
  else process.stdout.write(textOf(findings))
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

/** Changes `catalog` of node.json, whose former content stays beside it as node.json.bak. */
export async function set(
  home: Home,
  given: string,
  options: { json?: boolean; copy?: boolean },
): Promise<void> {
  const path = nodeConfigPath(home.root)
  const config = await readNodeConfig(path)
  const connection = isPostgres(given) ? given : resolve(given)
  if (connection === config.catalog)
    throw new CommandError('same', `This node uses ${given} already.`, 'Nothing was changed.')
  const findings = await examineCatalog(connection)
  if (isUnusable(findings)) {
    process.stderr.write(textOf(findings))
    throw new CommandError('db-unusable', 'The database cannot be used.', 'Nothing was changed.')
  }
  const db = await openCatalog(connection)
  let copied: number | undefined
  let users: unknown
  try {
    if (options.copy) copied = await copyFrom(config.catalog, db)
    users = await db.selectFrom('users').select('name').limit(1).executeTakeFirst()
  } finally {
    await db.destroy()
  }
  const text = await readFile(path, 'utf8')
  const changed = { ...(JSON.parse(text) as Record<string, unknown>), catalog: connection }
  await replaceLike(`${path}.bak`, text, path)
  await replaceLike(path, `${JSON.stringify(changed, null, 2)}\n`, path)
  if (options.json)
    process.stdout.write(
      `${JSON.stringify({ catalog: connection, backup: `${path}.bak`, copied, findings })}\n`,
    )
  else
    process.stdout.write(
      [
        textOf(findings.filter(({ level }) => level !== 'ok')),
        copied === undefined ? '' : `Copied ${copied} rows.\n`,
        users === undefined
          ? 'It has no users yet: rows of recordings come back from the store, users, tokens, policies and revocations do not (--copy).\n'
          : '',
        `${path} names it now; its former content is in ${path}.bak. Restart the node.\n`,
      ].join(''),
    )
}

async function copyFrom(connection: string, to: CatalogDatabase): Promise<number> {
  const from = await openCatalog(connection)
  try {
    return await copyCatalog(from, to)
  } finally {
    await from.destroy()
  }
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

const isUnusable = (findings: Finding[]) => findings.some(({ level }) => level === 'fail')

function textOf(findings: Finding[]): string {
  const width = Math.max(...findings.map(({ about }) => about.length))
  return findings
    .map(({ about, level, found, hint }) => {
      const line = `${level.padEnd(4)}  ${about.padEnd(width)}  ${escapeControls(found)}\n`
      return hint === undefined ? line : `${line}${' '.repeat(width + 8)}→ ${escapeControls(hint)}\n`
    })
    .join('')
}

/** The file may be another user's, whose node must go on reading it. */
async function replaceLike(path: string, text: string, like: string): Promise<void> {
  const { mode, uid, gid } = await stat(like)
  await replaceFile(path, text, mode & 0o777)
  if (process.getuid?.() === 0) await chown(path, uid, gid)
}
