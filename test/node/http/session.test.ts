import test from 'ava'
import { startTestNode, type TestNode } from '../../helpers/test-node.ts'

const signIn = (node: TestNode, body: unknown, headers = {}) =>
  node.ask('/api/session', { method: 'POST', as: 'nobody', body, headers })
const cookieOf = (headers: { 'set-cookie'?: string[] | undefined }) =>
  headers['set-cookie']![0]!.split(';')[0]!

test('a browser signs in, is known by its cookie, and changes things only with its CSRF token', async (t) => {
  const node = await startTestNode(t)
  const { user, password } = node.setUp.admin!
  const answer = await signIn(node, { user, password })
  t.is(answer.status, 200)
  t.deepEqual(answer.json.roles, ['PolicyAdministrator', 'LoggingReader', 'Player'])
  const set = answer.headers['set-cookie']![0]!
  for (const part of ['__Host-tapedeck=', 'HttpOnly', 'Secure', 'SameSite=Lax', 'Path=/'])
    t.true(set.includes(part), part)
  t.false(set.includes('Domain'))

  const cookie = cookieOf(answer.headers)
  const me = await node.ask('/api/session', { as: 'nobody', headers: { cookie } })
  t.is(me.json.csrf, answer.json.csrf)
  const post = (headers: Record<string, string>) =>
    node.ask('/api/agents/tokens', {
      method: 'POST',
      as: 'nobody',
      body: {},
      headers: { cookie, ...headers },
    })
  t.is((await post({})).json.error.code, 'csrf')
  t.is((await post({ 'x-csrf-token': 'x'.repeat(43) })).status, 403)
  t.is((await post({ 'x-csrf-token': me.json.csrf })).status, 201)
  t.is(
    (await post({ 'x-csrf-token': me.json.csrf, origin: 'https://elsewhere.example' })).json.error.code,
    'origin',
  )

  await node.ask('/api/session', {
    method: 'DELETE',
    as: 'nobody',
    headers: { cookie, 'x-csrf-token': me.json.csrf },
  })
  t.is(
    (await node.ask('/api/session', { as: 'nobody', headers: { cookie } })).json.error.code,
    'not-signed-in',
  )
})

test('wrong passwords and unknown users look the same, and guessing slows down', async (t) => {
  const node = await startTestNode(t)
  const wrong = await signIn(node, { user: 'admin', password: 'guess guess' })
  const unknown = await signIn(node, { user: 'nobody-here', password: 'guess guess' })
  t.is(wrong.status, 401)
  t.deepEqual(wrong.json, unknown.json)
  for (let i = 0; i < 5; i++) await signIn(node, { user: 'admin', password: 'guess guess' })
  const slowed = await signIn(node, { user: 'admin', password: node.setUp.admin!.password })
  t.is(slowed.status, 429)
  t.true(Number(slowed.headers['retry-after']) >= 1)
})

test('a sign-in link works once', async (t) => {
  const node = await startTestNode(t)
  const { json } = await node.ask('/api/session/tickets', { method: 'POST' })
  const url = new URL(json.url)
  t.is(url.pathname, '/sign-in')
  const ticket = new URLSearchParams(url.hash.slice(1)).get('ticket')!
  t.is((await signIn(node, { ticket })).json.user, 'admin')
  t.is((await signIn(node, { ticket })).json.error.code, 'ticket')
  t.is((await signIn(node, { ticket: 'x' })).status, 401)
})

test('a page of another site cannot sign a browser in', async (t) => {
  const node = await startTestNode(t)
  const { user, password } = node.setUp.admin!
  t.is((await signIn(node, { user, password }, { origin: 'https://elsewhere.example' })).status, 403)
  t.is((await signIn(node, { user, password }, { origin: 'null' })).status, 403)
  const own = `https://localhost:${node.node.port}`
  t.is((await signIn(node, { user, password }, { origin: own })).status, 200)
})

test('a new password ends the other sign-ins of its user', async (t) => {
  const node = await startTestNode(t)
  const { user, password } = node.setUp.admin!
  const here = await signIn(node, { user, password })
  const there = await signIn(node, { user, password })
  const headers = { cookie: cookieOf(here.headers), 'x-csrf-token': here.json.csrf }
  const change = (body: unknown) =>
    node.ask('/api/session/password', { method: 'POST', as: 'nobody', headers, body })
  t.is((await change({ current: 'wrong wrong', next: 'a new long one' })).status, 401)
  t.is((await change({ next: 'a new long one' })).status, 401)
  t.is((await change({ current: password, next: 'short' })).status, 400)
  t.is((await change({ current: password, next: 'a new long one' })).status, 204)
  const known = (answer: typeof here) =>
    node.ask('/api/session', { as: 'nobody', headers: { cookie: cookieOf(answer.headers) } })
  t.is((await known(here)).status, 200)
  t.is((await known(there)).status, 401)
  t.is((await signIn(node, { user, password })).status, 401)
  t.is((await signIn(node, { user, password: 'a new long one' })).status, 200)
})

test('roles: users are kept by administrators, and the last one stays', async (t) => {
  const node = await startTestNode(t)
  const add = (body: unknown) => node.ask('/api/users', { method: 'POST', body })
  t.is((await add({ name: 'eve', password: 'correct horse', roles: [] })).status, 201)
  t.is((await add({ name: 'eve', password: 'correct horse', roles: [] })).status, 409)
  for (const bad of [
    { name: '../x', roles: [] },
    { name: 'x', roles: ['King'] },
    { name: 'x', password: 'short', roles: [] },
  ])
    t.is((await add(bad)).status, 400, JSON.stringify(bad))
  const eve = await signIn(node, { user: 'eve', password: 'correct horse' })
  const headers = { cookie: cookieOf(eve.headers), 'x-csrf-token': eve.json.csrf }
  const asEve = (path: string, method = 'GET', body?: unknown) =>
    node.ask(path, { as: 'nobody', headers, method, ...(body !== undefined && { body }) })
  t.is((await asEve('/api/users')).json.error.code, 'role-missing')
  t.is((await asEve('/api/session/tickets', 'POST', { user: 'admin' })).json.error.code, 'role-missing')
  const refused = await asEve('/api/recordings')
  t.is(refused.status, 403)
  t.true(refused.json.error.text.includes('Player'))
  t.is((await node.ask('/api/users/eve', { method: 'PATCH', body: { roles: ['Player'] } })).status, 204)
  t.is((await asEve('/api/recordings')).status, 200)
  t.is((await node.ask('/api/users/admin', { method: 'DELETE' })).json.error.code, 'last-administrator')
  t.is((await node.ask('/api/users/admin', { method: 'PATCH', body: { roles: [] } })).status, 409)
  t.is((await node.ask('/api/users/eve', { method: 'DELETE' })).status, 204)
  t.is((await asEve('/api/recordings')).status, 401)
})
