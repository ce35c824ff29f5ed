import type { ExecutionContext } from 'ava'
import test from 'ava'
import { enrolledAgent, openCast } from '../../helpers/enrolled-agent.ts'
import { eventually } from '../../helpers/eventually.ts'
import { watchLive } from '../../helpers/live-watcher.ts'
import { type NodeProgram, startNodeProgram } from '../../helpers/node-program.ts'
import { noRedis, openTestRedis, type TestRedis } from '../../helpers/redis.ts'
import { facts, makeStream, typingEvents } from '../../helpers/sample-stream.ts'
import { until } from '../../helpers/test-node.ts'
import { connectAgent } from '../ingest/test-agent.ts'

// Two nodes with one store, one catalog and one Redis, as programs.

const reason = noRedis()
const onRedis = reason ? test.skip : test
if (reason) test.skip(`farm tests: ${reason}`, () => undefined)

async function startFarm(
  t: ExecutionContext,
): Promise<{ redis: TestRedis; first: NodeProgram; second: NodeProgram }> {
  const redis = await openTestRedis(t)
  const settings = { redis: redis.url, workers: 2 }
  const first = await startNodeProgram(t, { ...settings, name: 'first' })
  const second = await startNodeProgram(
    t,
    { ...settings, name: 'second', importerKey: 'second.key', temp: 'temp-2' },
    first.home,
  )
  // Each worker hears the others from then on.
  for (const node of [first, second])
    await eventually(async () => {
      const { text } = await node.ask('/metrics')
      if (text.match(/^tapedeck_bus_connected\{worker="[01]"\} 1$/gm)?.length !== 2) throw new Error(text)
    })
  return { redis, first, second }
}

const agentUrl = (node: NodeProgram) => `wss://localhost:${node.node.port}/agent/v1`

onRedis('a session is watched at the other node; while Redis is away, too', async (t) => {
  const { redis, first, second } = await startFarm(t)
  const { agent, identities } = await enrolledAgent(t, first)
  const { recording, bytes } = await makeStream(identities, [typingEvents(300)])
  await openCast(agent, recording)
  const viewer = watchLive(second, recording)
  await eventually(() => {
    if (viewer.states.length === 0) throw new Error('It knows nothing.')
  })
  let sent = 0
  const pass = async (to: number) => {
    agent.data(1, sent, bytes.subarray(sent, to))
    sent = to
    await eventually(() => {
      if (viewer.bytes.length !== sent) throw new Error(`${viewer.bytes.length} of ${sent} were seen.`)
    })
  }
  await pass(1000)
  await pass(2000)
  t.true(agent.messages.some((message) => message.type === 'live' && message.on))
  await redis.kill()
  await pass(3000)
  await redis.start()
  await pass(4000)
  await pass(bytes.length)
  agent.send({ type: 'finish', channel: 1, size: bytes.length })
  await eventually(() => {
    if (viewer.closed !== 1000) throw new Error(`It is ${viewer.closed}.`)
  })
  t.is(viewer.wrong, undefined)
  t.deepEqual(new Uint8Array(viewer.bytes), bytes)
})

onRedis('what is ordered at one node reaches the agent at the other', async (t) => {
  const { first, second } = await startFarm(t)
  const { agent, id, identities } = await enrolledAgent(t, first)
  const { recording } = await makeStream(identities, [typingEvents(10)])
  await openCast(agent, recording)
  t.is((await second.ask(`/api/recordings/${recording}`, { method: 'DELETE' })).status, 204)
  await agent.until(() => agent.receipts(1).some(({ discarded }) => discarded === true), 'discarded')

  const { policies } = (await first.ask('/api/policies/recording')).json
  const decide = async (ask: number) => {
    agent.send({ type: 'decide', ask, facts })
    const answer = () => agent.messages.find((message) => message.type === 'decision' && message.ask === ask)
    await agent.until(() => answer() !== undefined)
    return (answer() as { screen: string }).screen
  }
  t.is(await decide(1), 'none')
  const entire = policies.find((policy: { id: string }) => /entire/.test(policy.id))
  t.is(
    (await second.ask('/api/policies/recording/active', { method: 'PUT', body: { id: entire.id } })).status,
    204,
  )
  // The other node hears of it by a message.
  let ask = 2
  await until(async () => (await decide(ask++)) === 'entire')

  t.is((await second.ask(`/api/agents/${id}`, { method: 'DELETE' })).status, 204)
  await agent.until(() => agent.closed !== undefined)
  t.is(agent.errors()[0]!.code, 'revoked')
})

onRedis('one identity at two nodes: another run is a clone, the same run has moved', async (t) => {
  const { first, second } = await startFarm(t)
  const { agent, identities } = await enrolledAgent(t, first, { instance: 'run-1' })
  const clone = await connectAgent(agentUrl(second), identities, { ca: first.ca, instance: 'run-2' })
  await clone.until(() => clone.closed !== undefined)
  t.is(clone.errors()[0]!.code, 'clone')
  t.is(agent.closed, undefined)
  const moved = await connectAgent(agentUrl(second), identities, { ca: first.ca, instance: 'run-1' })
  await agent.until(() => agent.closed !== undefined)
  t.is(moved.closed, undefined)
  await moved.close()
})

onRedis('who guesses at one node waits at all', async (t) => {
  const { first, second } = await startFarm(t)
  const guess = (node: NodeProgram) =>
    node.ask('/api/session', { method: 'POST', as: 'nobody', body: { user: 'admin', password: 'wrong' } })
  for (let i = 0; i < 7; i++) await guess(first)
  const statuses: number[] = []
  // Alone, the second would let five through.
  for (let i = 0; i < 5; i++) statuses.push((await guess(second)).status)
  t.true(statuses.includes(429), statuses.join())
})
