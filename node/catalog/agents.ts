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
  /** The agent whose identity this one was given in exchange for. */
  parent: string | null
}

/** More agents than this are no longer one farm's page. */
const agentsListedMax = 10_000

export type Standing = 'allowed' | 'revoked' | 'moved'

/** Enrolled and not revoked, and on the machine it was enrolled on, where that is known. */
export async function agentStanding(db: CatalogDatabase, id: string, machine = ''): Promise<Standing> {
  const row = await db
    .selectFrom('agents')
    .select(['revokedMs', 'machine'])
    .where('id', '=', id)
    .executeTakeFirst()
  if (!row || row.revokedMs !== null) return 'revoked'
  return machine !== '' && row.machine !== '' && row.machine !== machine ? 'moved' : 'allowed'
}

/** A host renews its identity once in a while, if ever. */
const ancestorsMax = 16

/** Whether `id` got its identity in exchange for that of `former`, at once or over others. */
export async function succeeds(db: CatalogDatabase, id: string, former: string): Promise<boolean> {
  let parent: string | null = id
  for (let i = 0; i < ancestorsMax && parent !== null; i++) {
    const row: { parent: string | null } | undefined = await db
      .selectFrom('agents')
      .select('parent')
      .where('id', '=', parent)
      .executeTakeFirst()
    parent = row?.parent ?? null
    if (parent === former) return true
  }
  return false
}

export async function findAgentByKey(db: CatalogDatabase, publicKey: string): Promise<AgentRow | undefined> {
  return await db.selectFrom('agents').selectAll().where('publicKey', '=', publicKey).executeTakeFirst()
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
  agent: { id: string; host: string; machine: string; publicKey: string; nowMs: number; parent?: string },
): Promise<void> {
  const { id, host, machine, publicKey, nowMs, parent = null } = agent
  await db
    .insertInto('agents')
    .values({ id, host, machine, publicKey, enrolledMs: nowMs, revokedMs: null, seenMs: nowMs, parent })
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
