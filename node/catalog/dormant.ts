import type { CatalogDatabase } from './open-catalog.ts'
import type { RecordingRow } from './schema.ts'

// A live recording whose agent is silent, or whose agent is there but does not have it open, will not go on by itself.
// It is `dormant` until the agent opens it again; a LOST mark beside it says so to who has the file only.

export interface DormantWatchOptions {
  db: CatalogDatabase
  /** True while an agent has the recording open at this node. */
  isOpen: (recording: string) => boolean
  /** The agents of this node: of theirs it knows that they are not open, of others' their own node does. */
  connected: () => ReadonlySet<string>
  /** Writes the LOST mark. A failure is told and does not keep the state from changing. */
  markLost: (recording: RecordingRow, sinceMs: number) => Promise<void>
  found: (recording: RecordingRow, sinceMs: number) => void
  failed: (error: unknown) => void
  silenceMs?: number
  everyMs?: number
  now?: () => number
}

/** Four missed heartbeats of 10 s: with the check below, dormant is seen within a minute. */
export const silenceMsDefault = 45_000
const everyMsDefault = 10_000
/** Recordings looked at in one go; a farm has some ten thousand live ones. */
const rowsMax = 1000

export interface DormantWatch {
  check(): Promise<void>
  close(): Promise<void>
}

export function openDormantWatch(options: DormantWatchOptions): DormantWatch {
  const { db, now = Date.now, silenceMs = silenceMsDefault } = options
  // While this node was down, or the catalog, nobody could have been heard.
  let awayMs = now()
  const notOpenSince = new Map<string, number>()
  let running: Promise<void> | undefined

  const look = async () => {
    const nowMs = now()
    if (nowMs - awayMs < silenceMs) return
    const connected = options.connected()
    const missing = new Set<string>()
    let after = ''
    for (;;) {
      const rows = await liveRows(db, after)
      for (const { seenMs, ...row } of rows) {
        after = row.id
        if (options.isOpen(row.id)) continue
        let sinceMs = Math.max(seenMs ?? 0, awayMs)
        if (connected.has(row.agent)) {
          missing.add(row.id)
          sinceMs = Math.min(sinceMs, notOpenSince.get(row.id) ?? nowMs)
          if (!notOpenSince.has(row.id)) notOpenSince.set(row.id, nowMs)
        }
        if (nowMs - sinceMs >= silenceMs) await giveUp(row, sinceMs)
      }
      if (rows.length < rowsMax) break
    }
    for (const id of notOpenSince.keys()) if (!missing.has(id)) notOpenSince.delete(id)
  }

  const giveUp = async (row: RecordingRow, sinceMs: number) => {
    notOpenSince.delete(row.id)
    const { numUpdatedRows } = await db
      .updateTable('recordings')
      .set({ state: 'dormant', lostMs: sinceMs })
      .where('id', '=', row.id)
      .where('state', '=', 'live')
      .executeTakeFirst()
    if (numUpdatedRows === 0n || options.isOpen(row.id)) return
    options.found(row, sinceMs)
    await options.markLost(row, sinceMs).catch(options.failed)
  }

  const check = () => {
    running ??= look()
      .catch((error) => {
        awayMs = now()
        options.failed(error)
      })
      .finally(() => {
        running = undefined
      })
    return running
  }
  const timer = setInterval(check, options.everyMs ?? everyMsDefault)
  return {
    check,
    close: async () => {
      clearInterval(timer)
      await running
    },
  }
}

async function liveRows(db: CatalogDatabase, after: string) {
  return await db
    .selectFrom('recordings')
    .leftJoin('agents', 'agents.id', 'recordings.agent')
    .selectAll('recordings')
    .select('agents.seenMs')
    .where('state', '=', 'live')
    .where('recordings.id', '>', after)
    .orderBy('recordings.id')
    .limit(rowsMax)
    .execute()
}
