import { chown, readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { replaceFile } from '../disk/atomic-replace.ts'
import { copyCatalog } from '../node/catalog/copy-catalog.ts'
import { examineCatalog } from '../node/catalog/examine-catalog.ts'
import { type CatalogDatabase, openCatalog } from '../node/catalog/open-catalog.ts'
import { isPostgres } from '../node/catalog/postgres-connection.ts'
import { nodeConfigPath } from '../node/config.ts'
import { readNodeConfig } from '../node/read-config.ts'
import { CommandError } from './command-error.ts'
import { findingsText, isUnusable } from './findings.ts'
import type { Home } from './home.ts'

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
    process.stderr.write(findingsText(findings))
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
        findingsText(findings.filter(({ level }) => level !== 'ok')),
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

/** The file may be another user's, whose node must go on reading it. */
async function replaceLike(path: string, text: string, like: string): Promise<void> {
  const { mode, uid, gid } = await stat(like)
  await replaceFile(path, text, mode & 0o777)
  if (process.getuid?.() === 0) await chown(path, uid, gid)
}
