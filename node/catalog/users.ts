import { isRole, type Role } from '../policy/roles.ts'
import { exclusively } from './exclusively.ts'
import type { CatalogDatabase } from './open-catalog.ts'

export interface User {
  name: string
  /** As `hashPassword` made it; null: signs in by ticket only. */
  password: string | null
  roles: Role[]
  createdMs: number
}

/** A farm with more local users than this has a directory. */
const usersListedMax = 10_000

/** Two who each see the other as the last administrator would both be let go. */
const administrators = 'administrators'

const fromRow = (row: { name: string; password: string | null; roles: string; createdMs: number }): User => ({
  ...row,
  roles: (JSON.parse(row.roles) as unknown[]).filter(isRole),
})

export async function findUser(db: CatalogDatabase, name: string): Promise<User | undefined> {
  const row = await db.selectFrom('users').selectAll().where('name', '=', name).executeTakeFirst()
  return row && fromRow(row)
}

export async function listUsers(db: CatalogDatabase): Promise<User[]> {
  const rows = await db.selectFrom('users').selectAll().orderBy('name').limit(usersListedMax).execute()
  return rows.map(fromRow)
}

/** False when the name is taken. */
export async function addUser(db: CatalogDatabase, user: User): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('users')
    .values({ ...user, roles: JSON.stringify(user.roles) })
    .onConflict((c) => c.column('name').doNothing())
    .executeTakeFirst()
  return (numInsertedOrUpdatedRows ?? 0n) > 0n
}

/** What may go wrong when users are changed; `last-administrator` keeps a farm from locking itself out. */
export type UserChange = 'done' | 'unknown' | 'last-administrator'

/** A new password ends every sign-in of the user but `keep` (a hash). */
export async function changeUser(
  db: CatalogDatabase,
  name: string,
  change: { password?: string; roles?: Role[]; keep?: string },
): Promise<UserChange> {
  return await exclusively(db, administrators, async (trx) => {
    const user = await findUser(trx, name)
    if (!user) return 'unknown'
    if (
      change.roles &&
      !change.roles.includes('PolicyAdministrator') &&
      (await isLastAdministrator(trx, user))
    )
      return 'last-administrator'
    if (change.roles)
      await trx
        .updateTable('users')
        .set({ roles: JSON.stringify(change.roles) })
        .where('name', '=', name)
        .execute()
    if (change.password !== undefined) {
      await trx.updateTable('users').set({ password: change.password }).where('name', '=', name).execute()
      await trx
        .deleteFrom('signIns')
        .where('userName', '=', name)
        .where('hash', '!=', change.keep ?? '')
        .execute()
      await trx.deleteFrom('tickets').where('userName', '=', name).execute()
    }
    return 'done'
  })
}

export async function removeUser(db: CatalogDatabase, name: string): Promise<UserChange> {
  return await exclusively(db, administrators, async (trx) => {
    const user = await findUser(trx, name)
    if (!user) return 'unknown'
    if (await isLastAdministrator(trx, user)) return 'last-administrator'
    await trx.deleteFrom('users').where('name', '=', name).execute()
    return 'done'
  })
}

async function isLastAdministrator(db: CatalogDatabase, user: User): Promise<boolean> {
  if (!user.roles.includes('PolicyAdministrator')) return false
  const others = await listUsers(db)
  return !others.some((other) => other.name !== user.name && other.roles.includes('PolicyAdministrator'))
}
