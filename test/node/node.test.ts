import { readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { setUpNode } from '../../node/setup.ts'
import { makeIdentities, makeStream, sampleId, typingEvents } from '../helpers/sample-stream.ts'
import { startTestNode, temporaryFolder, until } from '../helpers/test-node.ts'

test('set-up makes a home once, and names its administrator once', async (t) => {
  const home = await temporaryFolder(t)
  const first = await setUpNode({ home, port: 0 })
  t.true(first.created)
  t.is(first.admin!.user, 'admin')
  t.deepEqual(first.admin!.roles, ['PolicyAdministrator', 'LoggingReader', 'Player'])
  const token = await readFile(join(home, 'client.token'), 'utf8')
  for (const secret of ['farm/farm.key', 'node/tls.key', 'client.token'])
    t.is((await stat(join(home, secret))).mode & 0o777, 0o600, secret)
  const second = await setUpNode({ home, port: 9000 })
  t.false(second.created)
  t.is(second.admin, undefined)
  t.is(await readFile(join(home, 'client.token'), 'utf8'), token)
  t.is(JSON.parse(await readFile(second.config, 'utf8')).port, 9000)
})

test('a node answers over its own certificate and says when it is ready', async (t) => {
  const { ask } = await startTestNode(t)
  t.is((await ask('/healthz', { as: 'nobody' })).text, 'ok\n')
  t.is((await ask('/readyz', { as: 'nobody' })).text, 'ready\n')
  const status = await ask('/api/status')
  t.is(status.json.version, '0.1.0')
  t.deepEqual(status.json.recordings, { live: 0, complete: 0, dormant: 0, archived: 0 })
  t.is((await ask('/api/status', { as: 'nobody' })).status, 401)
})

test('a store that went away makes the node unready, not dead', async (t) => {
  const { ask, config } = await startTestNode(t)
  await rm(join(config.stores[0]!, '.tapedeck-store.json'))
  await until(async () => (await ask('/readyz', { as: 'nobody' })).status === 503)
  t.is((await ask('/readyz', { as: 'nobody' })).json.error.code, 'store-missing')
  t.is((await ask('/healthz', { as: 'nobody' })).status, 200)
  t.is((await ask('/api/recordings')).status, 200)
})

test('a lost catalog is rebuilt from the store', async (t) => {
  const testNode = await startTestNode(t)
  const { ask, farm, config, home } = testNode
  const identities = makeIdentities(await readFile(config.farmKey, 'utf8'))
  t.deepEqual(identities.farm.publicKey, farm.publicKey)
  const whole = await makeStream(identities, [typingEvents(5), typingEvents(5, 1000, 600_000)])
  t.is((await ask('/api/recordings', { method: 'POST', body: whole.bytes })).status, 201)
  const recording = sampleId(2)
  for (const stream of ['cast', 'rfb'] as const) {
    const options = { recording, stream, facts: { type: 'desktop' } } as const
    const { bytes } = await makeStream(identities, [typingEvents(5)], options)
    const state = async () => (await ask(`/api/recordings/${recording}`)).json.state
    t.is((await ask('/api/recordings', { method: 'POST', body: bytes })).status, 201)
    t.is(await state(), stream === 'cast' ? 'dormant' : 'complete', 'a desktop has two streams')
  }
  const before = (await ask('/api/recordings')).json.recordings
  t.is(before.length, 2)

  await testNode.node.close()
  for (const ending of ['', '-wal', '-shm']) await rm(`${config.catalog}${ending}`, { force: true })
  const again = await setUpNode({ home, port: 0 })
  t.truthy(again.admin)
  testNode.token = (await readFile(join(home, 'client.token'), 'utf8')).trim()
  await testNode.restart()
  await until(async () => (await ask('/api/recordings')).json.recordings.length === 2)
  t.deepEqual((await ask('/api/recordings')).json.recordings, before)
})
