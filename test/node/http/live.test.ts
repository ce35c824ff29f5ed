import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import test from 'ava'
import { enrolledAgent, openCast as open } from '../../helpers/enrolled-agent.ts'
import { type Watcher, watchLive as watch } from '../../helpers/live-watcher.ts'
import { makeStream, type SampleStream, typingEvents } from '../../helpers/sample-stream.ts'
import { startTestNode, until } from '../../helpers/test-node.ts'
import { connectAgent } from '../ingest/test-agent.ts'

async function refusedWith(watcher: Watcher): Promise<number> {
  const [, response] = await once(watcher.socket, 'unexpected-response')
  response.resume()
  return response.statusCode
}

const sample = (identities: Parameters<typeof makeStream>[0]): Promise<SampleStream> =>
  makeStream(identities, [typingEvents(200), typingEvents(200, 1000, 30_000_000)])

test('viewers get the past from the file and the rest as it comes, without holes or doubles', async (t) => {
  const node = await startTestNode(t)
  const { agent, identities } = await enrolledAgent(t, node)
  const { recording, bytes } = await sample(identities)
  await open(agent, recording)
  const half = bytes.length >> 1
  agent.data(1, 0, bytes.subarray(0, half))
  await agent.until(() => agent.acked(1) === half)
  const fromStart = watch(node, recording)
  const fromMiddle = watch(node, recording, 100)
  await until(() => fromStart.bytes.length === half)
  t.is(fromStart.states[0]!.state, 'live')
  t.is((await node.ask('/api/recordings?state=live')).json.recordings[0].id, recording)
  for (let at = half; at < bytes.length; at += 37) agent.data(1, at, bytes.subarray(at, at + 37))
  await until(() => fromStart.bytes.length === bytes.length)
  agent.send({ type: 'finish', channel: 1, size: bytes.length })
  await until(() => fromStart.closed !== undefined && fromMiddle.closed !== undefined)
  t.is(fromStart.closed, 1000)
  t.deepEqual([fromStart.wrong, fromMiddle.wrong], [undefined, undefined])
  t.deepEqual(new Uint8Array(fromStart.bytes), bytes)
  t.deepEqual(new Uint8Array(fromMiddle.bytes), bytes.subarray(100))
  t.deepEqual(fromStart.states.at(-1), { type: 'state', state: 'complete', size: bytes.length })

  await agent.until(() => agent.receipts(1).some((receipt) => receipt.final === true))
  const shown = (await node.ask(`/api/recordings/${recording}`)).json
  t.is(shown.state, 'complete')
  t.is(shown.bytes, bytes.length)
  t.true((await node.ask(`/api/recordings/${recording}/verify`)).json.whole)
  const replay = watch(node, recording, 10)
  await until(() => replay.closed === 1000)
  t.deepEqual(new Uint8Array(replay.bytes), bytes.subarray(10))
})

test('who may not watch is refused before the socket opens', async (t) => {
  const node = await startTestNode(t)
  const { agent, identities } = await enrolledAgent(t, node)
  const { recording } = await sample(identities)
  await open(agent, recording)
  t.is(await refusedWith(watch(node, recording, 0, { authorization: 'Bearer nonsense' })), 401)
  t.is(await refusedWith(watch(node, recording, 0, { origin: 'https://elsewhere.example' })), 403)
  t.is(await refusedWith(watch(node, recording, 5000)), 416)
  t.is(await refusedWith(watch(node, '..%2f..')), 400)
  t.is(await refusedWith(watch(node, recording.replace(/..$/, 'zz'))), 400)
  await node.ask('/api/users/admin', { method: 'PATCH', body: { roles: ['PolicyAdministrator'] } })
  t.is(await refusedWith(watch(node, recording)), 403)
})

test('a silent agent leaves its recording dormant with a LOST mark, and takes both back', async (t) => {
  const node = await startTestNode(t, { dormant: { silenceMs: 300, everyMs: 50 } })
  const { agent, identities } = await enrolledAgent(t, node)
  const { recording, bytes } = await sample(identities)
  await open(agent, recording)
  agent.data(1, 0, bytes.subarray(0, 500))
  await agent.until(() => agent.acked(1) === 500)
  await agent.close()
  const shown = async () => (await node.ask(`/api/recordings/${recording}`)).json
  const mark = async () => {
    const day = new Date(Number.parseInt(recording.replace('-', '').slice(0, 12), 16))
      .toISOString()
      .slice(0, 10)
    return await readFile(
      `${node.config.stores[0]}/${day.replaceAll('-', '/')}/${recording}.farm`,
      'utf8',
    ).catch(() => '')
  }
  await until(async () => {
    const { state, lost } = await shown()
    return state === 'dormant' && lost !== undefined
  })
  await until(async () => (await mark()).includes(recording))

  const url = `wss://localhost:${node.node.port}/agent/v1`
  const back = await connectAgent(url, identities, { ca: node.ca })
  t.teardown(() => back.close())
  await open(back, recording)
  t.is((await shown()).state, 'live')
  t.is((await shown()).lost, undefined)
  await until(async () => (await mark()) === '')
  // It remembers nothing of what was acknowledged, so it sends all of it again (I4).
  back.data(1, 0, bytes)
  back.send({ type: 'finish', channel: 1, size: bytes.length })
  await until(async () => (await shown()).state === 'complete')
})

test('deleting a live recording tells its agent to forget it; a revoked agent is cut off', async (t) => {
  const node = await startTestNode(t)
  const { agent, identities, id } = await enrolledAgent(t, node)
  const { recording, bytes } = await sample(identities)
  await open(agent, recording)
  agent.data(1, 0, bytes.subarray(0, 500))
  await agent.until(() => agent.acked(1) === 500)
  t.is((await node.ask(`/api/recordings/${recording}`, { method: 'DELETE' })).status, 204)
  await agent.until(() => agent.receipts(1).some((receipt) => receipt.discarded === true))
  t.is((await node.ask(`/api/recordings/${recording}`)).status, 404)
  t.true(
    (await node.ask('/api/status')).json.agents.some(
      (one: { id: string; connected: boolean }) => one.id === id && one.connected,
    ),
  )
  t.is((await node.ask(`/api/agents/${id}`, { method: 'DELETE' })).status, 204)
  await agent.until(() => agent.closed !== undefined)
  const again = await connectAgent(`wss://localhost:${node.node.port}/agent/v1`, identities, { ca: node.ca })
  t.teardown(() => again.close())
  await again.until(() => again.closed !== undefined || again.errors().length > 0)
  t.false(again.messages.some((message) => message.type === 'welcome'))
})
