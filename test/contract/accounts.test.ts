import test from 'ava'
import {
  addAgent,
  addEnrolmentToken,
  agentStanding,
  findAgentByKey,
  listAgents,
  revokeAgent,
  succeeds,
  useEnrolmentToken,
} from '../../node/catalog/agents.ts'
import { readSetting, writeSetting } from '../../node/catalog/settings.ts'
import {
  addApiToken,
  addTicket,
  endSignIn,
  findApiToken,
  findSignIn,
  signInIdleMs,
  signInMaxMs,
  startSignIn,
  sweepSignIns,
  ticketMs,
  useTicket,
} from '../../node/catalog/sign-ins.ts'
import { addUser, changeUser, findUser, listUsers, removeUser, type User } from '../../node/catalog/users.ts'
import { onEachCatalog } from './catalogs.ts'

const user = (name: string, roles: User['roles'] = ['Player']): User => ({
  name,
  password: 'hash',
  roles,
  createdMs: 1_790_000_000_123,
})
const agent = (id: string, more: { parent?: string; machine?: string } = {}) => ({
  id,
  host: `host of ${id}`,
  machine: 'm-1',
  publicKey: `key of ${id}`,
  nowMs: 1_790_000_000_456,
  ...more,
})

onEachCatalog(test, (test, catalogs) => {
  test('users come and go, but never the last administrator', async (t) => {
    const { db, again } = await catalogs.open(t)
    t.true(await addUser(db, user('zoë', ['PolicyAdministrator'])))
    t.false(await addUser(db, user('zoë')))
    t.deepEqual(await findUser(db, 'zoë'), user('zoë', ['PolicyAdministrator']))
    for (const name of ['b', 'B', 'ä', '']) t.true(await addUser(db, user(name, ['PolicyAdministrator'])))
    // By their bytes, in any locale.
    t.deepEqual(
      (await listUsers(db)).map(({ name }) => name),
      ['', 'B', 'b', 'zoë', 'ä'],
    )
    t.is(await removeUser(db, 'nobody'), 'unknown')
    t.is(await changeUser(db, 'nobody', {}), 'unknown')
    t.is(await changeUser(db, 'b', { roles: ['Player'] }), 'done')
    t.deepEqual((await findUser(db, 'b'))!.roles, ['Player'])
    for (const name of ['b', 'B']) t.is(await removeUser(db, name), 'done')

    // Each of three removes another: two are done, whoever comes last is told.
    const other = await again()
    const tried = await Promise.all([
      removeUser(db, 'zoë'),
      removeUser(other, 'ä'),
      changeUser(db, '', { roles: [] }),
    ])
    t.deepEqual(tried.sort(), ['done', 'done', 'last-administrator'])
    const left = (await listUsers(db)).filter(({ roles }) => roles.includes('PolicyAdministrator'))
    t.is(left.length, 1)
  })

  test('a sign-in lasts while it is used, and ends with a new password', async (t) => {
    const { db } = await catalogs.open(t)
    await addUser(db, user('ada'))
    await t.throwsAsync(startSignIn(db, 'nobody', 0))
    const startMs = 1_790_000_000_000
    const { secret, csrf } = await startSignIn(db, 'ada', startMs)
    const found = await findSignIn(db, secret, startMs + 61_000)
    t.deepEqual(found, { user: user('ada'), csrf, hash: found!.hash })
    t.is(await findSignIn(db, 'another', startMs), undefined)
    // Seen at 61 s, so the idle time counts from there.
    t.truthy(await findSignIn(db, secret, startMs + 60_000 + signInIdleMs))
    t.is(await findSignIn(db, secret, startMs + signInMaxMs), undefined)
    t.is(await findSignIn(db, secret, startMs + 3 * signInIdleMs), undefined)

    const kept = await startSignIn(db, 'ada', startMs)
    const keep = (await findSignIn(db, kept.secret, startMs))!.hash
    const ticket = await addTicket(db, 'ada', startMs)
    t.is(await changeUser(db, 'ada', { password: 'new', keep }), 'done')
    t.is((await findUser(db, 'ada'))!.password, 'new')
    t.is(await findSignIn(db, secret, startMs), undefined)
    t.is(await useTicket(db, ticket, startMs), undefined)
    t.truthy(await findSignIn(db, kept.secret, startMs))
    await endSignIn(db, keep)
    t.is(await findSignIn(db, kept.secret, startMs), undefined)
  })

  test('a ticket is good once, a token until its user goes; what ran out is swept', async (t) => {
    const { db, again } = await catalogs.open(t)
    const other = await again()
    for (const name of ['ada', 'eve']) await addUser(db, user(name, ['PolicyAdministrator']))
    const ticket = await addTicket(db, 'ada', 1000)
    const shown = await Promise.all([useTicket(db, ticket, 1000), useTicket(other, ticket, 1000)])
    t.deepEqual(
      shown.filter((found) => found !== undefined).map(({ name }) => name),
      ['ada'],
    )
    t.is(await useTicket(db, await addTicket(db, 'ada', 1000), 1000 + ticketMs), undefined)

    const token = await addApiToken(db, { userName: 'eve', label: 'a script', nowMs: 1000 })
    t.is((await findApiToken(db, token))!.name, 'eve')
    t.is(await findApiToken(db, `${token}x`), undefined)
    t.is(await removeUser(db, 'eve'), 'done')
    t.is(await findApiToken(db, token), undefined)

    const old = await startSignIn(db, 'ada', 1000)
    const nowMs = 1000 + signInMaxMs + 1
    const fresh = await startSignIn(db, 'ada', nowMs)
    await addTicket(db, 'ada', 1000)
    await addEnrolmentToken(db, { uses: 1, expiresMs: 2000, createdBy: 'ada' })
    await sweepSignIns(db, nowMs)
    t.is(await findSignIn(db, old.secret, 1000), undefined)
    t.truthy(await findSignIn(db, fresh.secret, nowMs))
    t.deepEqual(await db.selectFrom('tickets').selectAll().execute(), [])
    t.deepEqual(await db.selectFrom('enrolmentTokens').selectAll().execute(), [])
  })

  test('agents stand as they were enrolled, revoked or moved; identities descend', async (t) => {
    const { db } = await catalogs.open(t)
    await addAgent(db, agent('a-1'))
    await addAgent(db, { ...agent('a-1'), host: 'another' })
    await addAgent(db, agent('a-2', { parent: 'a-1', machine: '' }))
    await addAgent(db, agent('a-3', { parent: 'a-2' }))
    const { nowMs, ...row } = agent('a-1')
    const whole = { ...row, enrolledMs: nowMs, seenMs: nowMs, revokedMs: null, parent: null }
    t.deepEqual(await findAgentByKey(db, 'key of a-1'), whole)
    t.is(await findAgentByKey(db, 'key of nobody'), undefined)
    t.is(await agentStanding(db, 'a-1', 'm-1'), 'allowed')
    t.is(await agentStanding(db, 'a-1'), 'allowed')
    t.is(await agentStanding(db, 'a-1', 'm-2'), 'moved')
    t.is(await agentStanding(db, 'a-2', 'm-2'), 'allowed')
    t.is(await agentStanding(db, 'a-9'), 'revoked')
    t.true(await revokeAgent(db, 'a-1', nowMs + 5))
    t.false(await revokeAgent(db, 'a-9', nowMs))
    t.is(await agentStanding(db, 'a-1', 'm-1'), 'revoked')
    t.deepEqual(
      [await succeeds(db, 'a-3', 'a-1'), await succeeds(db, 'a-3', 'a-2'), await succeeds(db, 'a-1', 'a-3')],
      [true, true, false],
    )
    t.deepEqual(
      (await listAgents(db)).map(({ id, revokedMs }) => [id, revokedMs]),
      [
        ['a-1', nowMs + 5],
        ['a-2', null],
        ['a-3', null],
      ],
    )
  })

  test('the last uses of an enrolment token are never shared', async (t) => {
    const { db, again } = await catalogs.open(t)
    const other = await again()
    const secret = await addEnrolmentToken(db, { uses: 5, expiresMs: 2000, createdBy: 'ada' })
    const tried = await Promise.all(
      Array.from({ length: 24 }, (_, i) => useEnrolmentToken(i % 2 === 0 ? db : other, secret, 1000)),
    )
    t.is(tried.filter(Boolean).length, 5)
    const late = await addEnrolmentToken(db, { uses: 5, expiresMs: 2000, createdBy: 'ada' })
    t.false(await useEnrolmentToken(db, late, 2000))
    t.false(await useEnrolmentToken(db, 'another', 0))
  })

  test('a setting is what it was set to last', async (t) => {
    const { db } = await catalogs.open(t)
    t.is(await readSetting(db, 'policy'), undefined)
    await writeSetting(db, 'policy', 'a')
    await writeSetting(db, 'policy', '{"ü": "😀"}')
    t.is(await readSetting(db, 'policy'), '{"ü": "😀"}')
  })
})
