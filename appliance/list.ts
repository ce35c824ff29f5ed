import type { Client } from './client.ts'
import { bytes, duration, localTime, table } from './print.ts'
import type { RecordingRow } from './recording-row.ts'

export interface ListOptions {
  user?: string
  host?: string
  application?: string
  state?: string
  from?: string
  to?: string
  limit: number
  json?: boolean
}

/** The server gives at most this many at once. */
const pageRowsMax = 200

/** Prints the newest recordings that match, one a line. */
export async function list(client: Client, options: ListOptions): Promise<void> {
  const { limit, json, ...filters } = options
  const rows: RecordingRow[] = []
  let after: string | undefined
  do {
    const query = new URLSearchParams({ limit: String(Math.min(pageRowsMax, limit - rows.length)) })
    for (const [name, value] of Object.entries(filters)) if (value !== undefined) query.set(name, value)
    if (after) query.set('after', after)
    const page = await client.call<{ recordings: RecordingRow[]; next?: string }>(
      'GET',
      `/api/recordings?${query}`,
    )
    rows.push(...page.recordings)
    after = page.next
  } while (after && rows.length < limit)
  if (json) {
    process.stdout.write(`${JSON.stringify(rows)}\n`)
    return
  }
  if (rows.length === 0) {
    process.stdout.write("No recordings match. Make one with './tapedeck record -- bash'.\n")
    return
  }
  const head = ['START', 'USER', 'HOST', 'TYPE', 'APPLICATION', 'DURATION', 'SIZE', 'ID']
  process.stdout.write(
    table(
      head,
      rows.map((row) => [
        localTime(row.start),
        row.user,
        row.host,
        row.type,
        row.application,
        lengthOf(row),
        bytes(row.bytes),
        row.id,
      ]),
    ),
  )
  if (after) process.stdout.write(`The newest ${rows.length} of more; --limit shows more, filters fewer.\n`)
}

function lengthOf(row: RecordingRow): string {
  if (row.state === 'live') return 'LIVE'
  return row.state === 'complete' ? duration(row.durationMs) : `${duration(row.durationMs)} ${row.state}`
}
