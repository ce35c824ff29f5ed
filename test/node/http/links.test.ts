import { readFile } from 'node:fs/promises'
import test from 'ava'
import { generateKeyPem, signerFromPem } from '../../../codec/ed25519.ts'
import { signToken } from '../../../format/token.ts'
import { makeIdentities, makeStream, typingEvents } from '../../helpers/sample-stream.ts'
import { startTestNode } from '../../helpers/test-node.ts'

test('a link leads to its moment until it expires, or its issuer or reader may no longer see it', async (t) => {
  const { ask, config, farm } = await startTestNode(t)
  const identities = makeIdentities(await readFile(config.farmKey, 'utf8'))
  const { recording, bytes } = await makeStream(identities, [typingEvents(3)])
  await ask('/api/recordings', { method: 'POST', body: bytes })
  const links = `/api/recordings/${recording}/links`
  const made = await ask(links, { method: 'POST', body: { timeUs: 1_500_000 } })
  t.is(made.status, 201)
  const days = (Date.parse(made.json.expires) - Date.now()) / 86_400_000
  t.true(days > 1.99 && days <= 2)
  const token = made.json.url.replace('/s/', '')
  t.deepEqual((await ask(`/api/links/${token}`)).json, { recording, timeUs: 1_500_000 })
  t.is((await ask(made.json.url, { as: 'nobody' })).headers['content-type'], 'text/html; charset=utf-8')
  t.is((await ask(`/api/links/${token}`, { as: 'nobody' })).status, 401)

  const farmId = JSON.parse(Buffer.from(token.split('.')[0], 'base64url').toString()).farm
  const share = {
    t: 'share' as const,
    recording,
    time: 0,
    issuer: 'admin',
    until: Date.now() + 60_000,
    farm: farmId,
  }
  const link = async (changed: object, signer = farm) =>
    (await ask(`/api/links/${signToken({ ...share, ...changed }, signer)}`)).json
  t.deepEqual(await link({}), { recording, timeUs: 0 })
  t.is((await link({ until: Date.now() - 1 })).error.code, 'link-expired')
  t.is((await link({ issuer: 'gone' })).error.code, 'role-missing')
  t.is((await link({}, signerFromPem(generateKeyPem()))).error.code, 'link')
  const tampered = token.replace(/.{4}$/, (last: string) => (last.startsWith('A') ? 'BBBB' : 'AAAA'))
  t.is((await ask(`/api/links/${tampered}`)).status, 403)
  for (const bad of [{ timeUs: -1 }, { timeUs: 0, expiresInS: 31 * 86_400 }, { timeUs: 'x' }, {}])
    t.is((await ask(links, { method: 'POST', body: bad })).status, 400, JSON.stringify(bad))

  await ask('/api/users', {
    method: 'POST',
    body: { name: 'second', roles: ['PolicyAdministrator', 'Player'], password: 'a long password' },
  })
  const { json: session, headers } = await ask('/api/session', {
    method: 'POST',
    as: 'nobody',
    body: { user: 'second', password: 'a long password' },
  })
  const second = {
    as: 'nobody',
    headers: { cookie: headers['set-cookie']![0]!.split(';')[0]!, 'x-csrf-token': session.csrf },
  }
  t.is((await ask(`/api/links/${token}`, second)).status, 200)
  await ask('/api/users/admin', { method: 'PATCH', body: { roles: ['PolicyAdministrator'] } })
  t.is((await ask(`/api/links/${token}`, second)).status, 403)
})
