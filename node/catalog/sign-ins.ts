import type { CatalogDatabase } from './open-catalog.ts'
import { hashSecret, makeSecret } from './secret.ts'
import { findUser, type User } from './users.ts'

// Who shows what to be let in: a browser its cookie, a script its API token, a link its one-time ticket.

/** A browser that is not used is signed out. */
export const signInIdleMs = 12 * 3_600_000
/** Nobody stays signed in longer without showing who they are again. */
export const signInMaxMs = 7 * 86_400_000
/** A printed link is used at once or not at all. */
export const ticketMs = 15 * 60_000
/** Writing `seenMs` at every request would be a commit a request. */
const seenEveryMs = 60_000

export interface SignedIn {
  user: User
  csrf: string
  hash: string
}

/** `secret` goes into the cookie. */
export async function startSignIn(
  db: CatalogDatabase,
  userName: string,
  nowMs: number,
): Promise<{ secret: string; csrf: string }> {
  const secret = makeSecret()
  const csrf = makeSecret()
  await db
    .insertInto('signIns')
    .values({ hash: hashSecret(secret), userName, csrf, createdMs: nowMs, seenMs: nowMs })
    .execute()
  return { secret, csrf }
}

export async function findSignIn(
  db: CatalogDatabase,
  secret: string,
  nowMs: number,
): Promise<SignedIn | undefined> {
  const hash = hashSecret(secret)
  const row = await db
    .selectFrom('signIns')
    .selectAll()
    .where('hash', '=', hash)
    .where('createdMs', '>', nowMs - signInMaxMs)
    .where('seenMs', '>', nowMs - signInIdleMs)
    .executeTakeFirst()
  const user = row && (await findUser(db, row.userName))
  if (!row || !user) return undefined
  if (nowMs - row.seenMs > seenEveryMs)
    await db.updateTable('signIns').set({ seenMs: nowMs }).where('hash', '=', hash).execute()
  return { user, csrf: row.csrf, hash }
}

export async function endSignIn(db: CatalogDatabase, hash: string): Promise<void> {
  await db.deleteFrom('signIns').where('hash', '=', hash).execute()
}

export async function addTicket(db: CatalogDatabase, userName: string, nowMs: number): Promise<string> {
  const secret = makeSecret()
  await db
    .insertInto('tickets')
    .values({ hash: hashSecret(secret), userName, expiresMs: nowMs + ticketMs })
    .execute()
  return secret
}

/** The ticket is gone afterwards, whoever shows it. */
export async function useTicket(
  db: CatalogDatabase,
  secret: string,
  nowMs: number,
): Promise<User | undefined> {
  const row = await db
    .deleteFrom('tickets')
    .where('hash', '=', hashSecret(secret))
    .returning(['userName', 'expiresMs'])
    .executeTakeFirst()
  return row && row.expiresMs > nowMs ? await findUser(db, row.userName) : undefined
}

export async function addApiToken(
  db: CatalogDatabase,
  token: { userName: string; label: string; nowMs: number },
): Promise<string> {
  const secret = makeSecret()
  const { userName, label, nowMs } = token
  await db
    .insertInto('apiTokens')
    .values({ hash: hashSecret(secret), userName, label, createdMs: nowMs })
    .execute()
  return secret
}

export async function findApiToken(db: CatalogDatabase, secret: string): Promise<User | undefined> {
  const row = await db
    .selectFrom('apiTokens')
    .select('userName')
    .where('hash', '=', hashSecret(secret))
    .executeTakeFirst()
  return row && (await findUser(db, row.userName))
}

/** Removes what has run out. */
export async function sweepSignIns(db: CatalogDatabase, nowMs: number): Promise<void> {
  await db
    .deleteFrom('signIns')
    .where((eb) =>
      eb.or([eb('createdMs', '<', nowMs - signInMaxMs), eb('seenMs', '<', nowMs - signInIdleMs)]),
    )
    .execute()
  await db.deleteFrom('tickets').where('expiresMs', '<', nowMs).execute()
  await db.deleteFrom('enrolmentTokens').where('expiresMs', '<', nowMs).execute()
}
