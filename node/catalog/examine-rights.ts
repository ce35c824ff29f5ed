import { sql } from 'kysely'
import { type Finding, fail, ok, warn } from './finding.ts'
import { readVersion } from './migrate.ts'
import type { CatalogDatabase } from './open-catalog.ts'
import { hasWordIndex } from './search-words.ts'

/** What the connection's role may do in PostgreSQL, and whether it has the search index. */
export async function examineRights(db: CatalogDatabase): Promise<Finding[]> {
  const { rows } = await sql<{ mayCreate: boolean; powers: string; unreadable: string | null }>`
    select has_schema_privilege(current_schema(), 'create') as "mayCreate",
      concat_ws(', ', case when rolsuper then 'is a superuser' end,
        case when rolcreatedb then 'may create databases' end,
        case when rolcreaterole then 'may create roles' end) as powers,
      (select string_agg(table_name, ', ') from information_schema.tables
        where table_schema = current_schema() and table_type = 'BASE TABLE'
          and not has_table_privilege(quote_ident(table_schema) || '.' || quote_ident(table_name),
            'select, insert, update, delete')) as unreadable
    from pg_roles where rolname = current_user`.execute(db)
  const { mayCreate, powers, unreadable } = rows[0]!
  const current = (await readVersion(db)).state === 'current'
  const findings: Finding[] = []
  if (unreadable)
    findings.push(fail('rights', `none on ${unreadable}`, 'Let one role own all tables, and use that.'))
  else if (!mayCreate && !current)
    findings.push(
      fail('rights', 'the role may not make tables', "Run 'tapedeck db migrate --admin CONNECTION' once."),
    )
  else if (powers !== '')
    findings.push(
      warn('rights', `the role ${powers}`, "Use a role of its own: 'tapedeck db migrate --admin' makes one."),
    )
  else findings.push(ok('rights', 'what is needed'))
  if (current)
    findings.push(
      (await hasWordIndex(db))
        ? ok('search', 'indexed by pg_trgm')
        : warn(
            'search',
            'without an index: some seconds over a million recordings',
            "Run 'tapedeck db migrate --admin CONNECTION', which adds the extension pg_trgm where the server has it.",
          ),
    )
  return findings
}
