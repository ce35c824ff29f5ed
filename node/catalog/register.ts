import { type Expression, type RawBuilder, sql } from 'kysely'
import type { StreamName } from '../../format/records.ts'
import type {
  CompletedRecording,
  OpenedRecording,
  RecordingProgress,
  RecordingRegister,
} from '../ingest/register.ts'
import { agentStanding, succeeds } from './agents.ts'
import { exclusively } from './exclusively.ts'
import { newRecording } from './new-recording.ts'
import type { CatalogDatabase } from './open-catalog.ts'
import { type Written, writeHeartbeats, writeProgress } from './progress-batch.ts'
import { isBuried } from './recordings.ts'

// What ingest tells the catalog. Progress and heartbeats wait for the next beat and go in one transaction a second;
// opened and completed are committed when they resolve.

export interface RegisterOptions {
  db: CatalogDatabase
  node: string
  /** A recording whose agent was given up has come back: withdraw its LOST mark. */
  returned: (recording: string) => void
  /**
   * A recording whose bytes come has no row. Unless it was deleted, the catalog lost it (a standby took over that was
   * behind): rebuild it.
   */
  missing: (recording: string) => Promise<void>
  /** A batch that failed; it is kept and tried again with the next one. */
  failed: (error: unknown) => void
  batchMs?: number
}

export interface Register extends RecordingRegister {
  /** Writes what waits. */
  flush(): Promise<void>
  close(): Promise<void>
}

/** RECORDING: recording rows are updated in one transaction a second. */
const batchMsDefault = 1000

export function openRegister(options: RegisterOptions): Register {
  const { db } = options
  const progress = new Map<string, Map<string, RecordingProgress>>()
  const heartbeats = new Map<string, number>()
  let running: Promise<void> = Promise.resolve()

  const write = async () => {
    if (progress.size === 0 && heartbeats.size === 0) return
    const streams = new Map([...progress].map(([id, of]) => [id, new Map(of)]))
    const beats = new Map(heartbeats)
    progress.clear()
    heartbeats.clear()
    try {
      const written = await db.transaction().execute(async (trx) => {
        await writeHeartbeats(trx, beats)
        return await writeProgress(trx, streams)
      })
      for (const recording of written.returned) options.returned(recording)
      for (const recording of written.missing) options.missing(recording).catch(options.failed)
    } catch (error) {
      // Newer ones that came meanwhile win.
      for (const [id, of] of streams) progress.set(id, new Map([...of, ...(progress.get(id) ?? [])]))
      for (const [id, ms] of beats) heartbeats.set(id, Math.max(ms, heartbeats.get(id) ?? 0))
      options.failed(error)
    }
  }
  const flush = () => {
    running = running.then(write)
    return running
  }
  const timer = setInterval(flush, options.batchMs ?? batchMsDefault)

  return {
    agentStanding: (agent, machine) => agentStanding(db, agent, machine),
    succeeds: (agent, former) => succeeds(db, agent, former),
    heartbeat: (agent) => void heartbeats.set(agent, Date.now()),
    opened: async (row) => {
      const { answer, returned } = await opened(db, options.node, row)
      if (returned) options.returned(row.recording)
      return answer
    },
    progress(recording, now) {
      const streams = progress.get(recording) ?? new Map<string, RecordingProgress>()
      progress.set(recording, streams.set(now.stream, now))
    },
    completed: async (recording, now) => {
      progress.get(recording)?.delete(now.stream)
      await running
      let written = await complete(db, recording, now)
      if (written.missing.length > 0) {
        await options.missing(recording)
        written = await complete(db, recording, now)
      }
      for (const returned of written.returned) options.returned(returned)
    },
    flush,
    close: async () => {
      clearInterval(timer)
      await flush()
    },
  }
}

async function opened(db: CatalogDatabase, node: string, row: OpenedRecording) {
  // Not beside a deletion, which would miss the row that comes after it.
  return await exclusively(db, row.recording, async (trx) => {
    if (await isBuried(trx, row.recording)) return { answer: 'discarded' as const, returned: false }
    // With it, or another node's dormant watch would take the agent for silent.
    await writeHeartbeats(trx, new Map([[row.agent, Date.now()]]))
    const before = await trx
      .selectFrom('recordings')
      .select(['state', 'lostMs'])
      .where('id', '=', row.recording)
      .executeTakeFirst()
    if (!before) {
      await trx
        .insertInto('recordings')
        .values(newRecording({ ...row, node }))
        .execute()
      return { answer: 'accepted' as const, returned: false }
    }
    await trx
      .updateTable('recordings')
      .set({
        agent: row.agent,
        node,
        store: row.place.store,
        path: row.place.path,
        lostMs: null,
        // A complete one is opened again only to ask for its receipt.
        ...(before.state === 'dormant' && { state: 'live' as const }),
      })
      .where('id', '=', row.recording)
      .execute()
    return { answer: 'accepted' as const, returned: before.lostMs !== null }
  })
}

async function complete(db: CatalogDatabase, recording: string, now: CompletedRecording): Promise<Written> {
  return await db.transaction().execute(async (trx) => {
    // First what locks the row: nobody finds it dormant from here on.
    await trx
      .updateTable('recordings')
      .set((eb) => ({
        ...(now.stream === 'cast'
          ? { endReason: now.endReason, exitStatus: now.exit ?? null, exitSignal: now.signal ?? null }
          : { screenEnd: now.endReason }),
        // A desktop is complete when its other stream is, too.
        state: whenWhole(now.stream, sql`'complete'`, eb.ref('state')),
        endMs: whenWhole(now.stream, endMsOf(now.endUs), eb.ref('endMs')),
      }))
      .where('id', '=', recording)
      .execute()
    return await writeProgress(trx, new Map([[recording, new Map([[now.stream, now as RecordingProgress]])]]))
  })
}

function whenWhole(ended: StreamName, then: RawBuilder<unknown>, otherwise: Expression<unknown>) {
  const whole =
    ended === 'cast' ? sql`"type" <> 'desktop' or "screenEnd" is not null` : sql`"endReason" is not null`
  return sql<never>`case when ${whole} then ${then} else ${otherwise} end`
}

function endMsOf(endUs: number): RawBuilder<number> {
  const us = sql`cast(${endUs} as bigint)`
  return sql`"startMs" + (case when ${us} > "endUs" then ${us} else "endUs" end) / 1000`
}
