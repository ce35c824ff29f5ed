import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { setUpNode } from '../../../node/setup.ts'
import { enrolledAgent } from '../../helpers/enrolled-agent.ts'
import { noPostgres, startPostgres } from '../../helpers/postgres.ts'
import { makeIdentities, makeStream, sampleId, typingEvents } from '../../helpers/sample-stream.ts'
import { startTestNode, until } from '../../helpers/test-node.ts'
import { openMessage } from '../ingest/test-agent.ts'

// A whole node whose catalog is PostgreSQL.

const reason = noPostgres()
const onPostgres = reason ? test.skip : test
if (reason) test.skip(`a node on PostgreSQL: ${reason}`, () => undefined)

onPostgres('a node rebuilds an empty catalog from its store', async (t) => {
  const server = await startPostgres()
  t.teardown(() => server.close())
  const node = await startTestNode(t, { catalog: await server.database() })
  t.true(node.config.catalog.startsWith('postgres://'))
  const identities = makeIdentities(await readFile(node.config.farmKey, 'utf8'))
  for (const seed of [1, 2]) {
    const recording = sampleId(seed)
    const { bytes } = await makeStream(identities, [typingEvents(5)], { recording })
    t.is((await node.ask('/api/recordings', { method: 'POST', body: bytes })).status, 201)
  }
  const before = (await node.ask('/api/recordings')).json.recordings
  t.is(before.length, 2)

  await node.node.close()
  const catalog = await server.database()
  const config = JSON.parse(await readFile(node.setUp.config, 'utf8'))
  await writeFile(node.setUp.config, JSON.stringify({ ...config, catalog }))
  node.config.catalog = catalog
  t.truthy((await setUpNode({ home: node.home, port: 0 })).admin)
  node.token = (await readFile(join(node.home, 'client.token'), 'utf8')).trim()
  await node.restart()
  await until(async () => (await node.ask('/api/recordings')).json.recordings.length === 2)
  t.deepEqual((await node.ask('/api/recordings')).json.recordings, before)
})

onPostgres(
  'recording goes on over a failover to a standby that was behind, and nothing is missing',
  async (t) => {
    const primary = await startPostgres({ durable: true })
    t.teardown(() => primary.close())
    const standby = await primary.standby()
    const catalog = `${await primary.database()},${standby.folder}`
    const node = await startTestNode(t, { catalog })
    const { agent, identities, id } = await enrolledAgent(t, node)
    const { bytes, recording } = await makeStream(identities, [
      typingEvents(200),
      typingEvents(200, 1000, 900_000),
    ])
    await standby.cutOff()

    const third = Math.floor(bytes.length / 3)
    agent.send(openMessage(recording))
    await agent.until(() => agent.opened(1).length > 0)
    agent.data(1, 0, bytes.subarray(0, third))
    await agent.until(() => agent.acked(1) === third)
    t.is((await node.ask(`/api/recordings/${recording}`)).status, 200)

    await primary.stop('kill')
    // An ack is a proof of the store's, not of the catalog's.
    agent.data(1, third, bytes.subarray(third, 2 * third))
    await agent.until(() => agent.acked(1) === 2 * third)
    const refused = await node.ask('/api/recordings')
    t.deepEqual([refused.status, refused.json.error.code], [503, 'catalog-away'])
    t.false(refused.text.includes(primary.folder))
    t.is((await node.ask('/readyz', { as: 'nobody' })).status, 503)
    t.is((await node.ask('/healthz', { as: 'nobody' })).status, 200)

    await standby.promote()
    await until(async () => (await node.ask('/readyz', { as: 'nobody' })).status === 200, 20_000)
    agent.data(1, 2 * third, bytes.subarray(2 * third))
    agent.send({ type: 'finish', channel: 1, size: bytes.length })
    await agent.until(() => agent.receipts(1).some(({ final }) => final === true))
    const shown = (await node.ask(`/api/recordings/${recording}`)).json
    t.deepEqual([shown.state, shown.bytes, shown.agent], ['complete', bytes.length, id])
    t.true((await node.ask(`/api/recordings/${recording}/verify`)).json.whole)
  },
)
