import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { copyCatalog } from '../node/catalog/copy-catalog.ts'
import { examineCatalog } from '../node/catalog/examine-catalog.ts'
import { type CatalogDatabase, openCatalog } from '../node/catalog/open-catalog.ts'
import { isPostgres } from '../node/catalog/postgres-connection.ts'
import { nodeConfigPath } from '../node/config.ts'
import { readNodeConfig } from '../node/read-config.ts'
import { asOwnerOf } from './as-owner.ts'
import { CommandError } from './command-error.ts'
import { findingsText, isUnusable } from './findings.ts'
import type { Home } from './home.ts'
import { replaceKeeping } from './replace-keeping.ts'

interface SetOptions {
  json?: boolean
  copy?: boolean
}

/** Changes `catalog` of node.json, whose former content stays beside it as node.json.bak. */
export function set(home: Home, given: string, options: SetOptions): Promise<void> {
  // As the node's user: what root can open proves nothing, and what root makes the node could not.
  return asOwnerOf(home.root, () => setAsOwner(home, given, options))
}

async function setAsOwner(home: Home, given: string, options: SetOptions): Promise<void> {
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
  const before = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>
  await replaceKeeping(path, `${JSON.stringify({ ...before, catalog: connection }, null, 2)}\n`)
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
