import type { CatalogDatabase } from './open-catalog.ts'
import { hashSecret, makeSecret } from './secret.ts'

export interface AgentRow {
  id: string
  host: string
  machine: string
  publicKey: string
  enrolledMs: number
  revokedMs: number | null
  seenMs: number
}

/** More agents than this are no longer one farm's page. */
const agentsListedMax = 10_000

/** Enrolled and not revoked. */
export async function agentAllowed(db: CatalogDatabase, id: string): Promise<boolean> {
  const row = await db.selectFrom('agents').select('revokedMs').where('id', '=', id).executeTakeFirst()
  return row !== undefined && row.revokedMs === null
}

export async function listAgents(db: CatalogDatabase): Promise<AgentRow[]> {
  return await db
    .selectFrom('agents')
    .selectAll()
    .orderBy('host')
    .orderBy('id')
    .limit(agentsListedMax)
    .execute()
}

/** Kept as it is when the id is known. */
export async function addAgent(
  db: CatalogDatabase,
  agent: { id: string; host: string; machine: string; publicKey: string; nowMs: number },
): Promise<void> {
  const { id, host, machine, publicKey, nowMs } = agent
  await db
    .insertInto('agents')
    .values({ id, host, machine, publicKey, enrolledMs: nowMs, revokedMs: null, seenMs: nowMs })
    .onConflict((c) => c.column('id').doNothing())
    .execute()
}

/** False when there is no such agent. */
export async function revokeAgent(db: CatalogDatabase, id: string, nowMs: number): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('agents')
    .set({ revokedMs: nowMs })
    .where('id', '=', id)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** The secret part of an enrolment token; the farm's id is the other part. */
export async function addEnrolmentToken(
  db: CatalogDatabase,
  token: { uses: number; expiresMs: number; createdBy: string },
): Promise<string> {
  const secret = makeSecret()
  await db
    .insertInto('enrolmentTokens')
    .values({
      hash: hashSecret(secret),
      usesLeft: token.uses,
      expiresMs: token.expiresMs,
      createdBy: token.createdBy,
    })
    .execute()
  return secret
}

/** Takes one use by one conditional UPDATE, so that two agents never share the last. False: unknown, used up or expired. */
export async function useEnrolmentToken(
  db: CatalogDatabase,
  secret: string,
  nowMs: number,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('enrolmentTokens')
    .set((eb) => ({ usesLeft: eb('usesLeft', '-', 1) }))
    .where('hash', '=', hashSecret(secret))
    .where('usesLeft', '>', 0)
    .where('expiresMs', '>', nowMs)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}
