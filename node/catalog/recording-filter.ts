import { type ExpressionBuilder, type ExpressionWrapper, type SqlBool, sql } from 'kysely'
import type { Database, RecordingState } from './schema.ts'

/** All that are given must hold. `user`, `host`, `application`: exact, or a beginning when they end in `*`. */
export interface RecordingFilter {
  user?: string
  host?: string
  application?: string
  states?: RecordingState[]
  fromMs?: number
  toMs?: number
  /** Part of user, host, application, command or client, in any case. */
  text?: string
}

export const recordingStates: readonly RecordingState[] = ['live', 'complete', 'dormant', 'archived']

type Builder = ExpressionBuilder<Database, 'recordings'>
type Condition = ExpressionWrapper<Database, 'recordings', SqlBool>

export type NamedColumn = 'userName' | 'host' | 'application'

/** `frequent` = columns of which so many rows begin as asked that their index would be of no use. */
export function conditions(
  eb: Builder,
  filter: RecordingFilter,
  frequent: ReadonlySet<NamedColumn>,
): Condition[] {
  const all: Condition[] = []
  for (const [column, value] of named(filter)) if (!value.endsWith('*')) all.push(eb(column, '=', value))
  for (const [column, beginning] of beginnings(filter))
    all.push(...beginsWith(eb, column, beginning, frequent.has(column)))
  if (filter.states) all.push(...inStates(eb, filter.states))
  if (filter.fromMs !== undefined) all.push(eb('startMs', '>=', filter.fromMs))
  if (filter.toMs !== undefined) all.push(eb('startMs', '<', filter.toMs))
  return all
}

/** What `user`, `host` or `application` is asked to begin with. */
export function beginnings(filter: RecordingFilter): [NamedColumn, string][] {
  return named(filter)
    .filter(([, value]) => value.endsWith('*'))
    .map(([column, value]) => [column, value.slice(0, -1)])
}

// Bounds instead of LIKE, whose meaning of case, and so its use of an index, differs between databases. No index is on
// the column with nothing behind it.
export function beginsWith(
  eb: Builder,
  column: NamedColumn,
  beginning: string,
  withoutIndex = false,
): Condition[] {
  const value = withoutIndex ? sql<string>`(${sql.ref(column)} || '')` : eb.ref(column)
  return [eb(value, '>=', beginning), eb(value, '<', `${beginning}\u{10ffff}`)]
}

function named(filter: RecordingFilter): [NamedColumn, string][] {
  const { user: userName, host, application } = filter
  return Object.entries({ userName, host, application }).filter(([, value]) => value !== undefined) as [
    NamedColumn,
    string,
  ][]
}

// A list that has `complete` is nearly everything: said as what it leaves out, the planner keeps to the list's order
// instead of sorting a million rows.
function inStates(eb: Builder, states: RecordingState[]): Condition[] {
  if (states.length === 0) return [eb.lit(false) as unknown as Condition]
  if (!states.includes('complete')) return [eb('state', 'in', states)]
  const others = recordingStates.filter((state) => !states.includes(state))
  return others.length > 0 ? [eb('state', 'not in', others)] : []
}
