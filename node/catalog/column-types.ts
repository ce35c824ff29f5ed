import { type Kysely, type RawBuilder, sql } from 'kysely'
import { speaksPostgres } from './postgres-dialect.ts'

/**
 * What migrations make columns of, so that both databases hold the same and order it alike: text by its bytes, whatever
 * the database's locale, and whole numbers of 64 bits.
 */
export function columnTypes(db: Kysely<unknown>): {
  text: 'text' | RawBuilder<unknown>
  integer: 'integer' | 'bigint'
} {
  return speaksPostgres(db)
    ? { text: sql`text collate "C"`, integer: 'bigint' }
    : { text: 'text', integer: 'integer' }
}
