import { readdir } from 'node:fs/promises'
import test from 'ava'
import fc from 'fast-check'
import { farmIdOf } from '../../../codec/ed25519.ts'
import { toBase64url } from '../../../format/bytes.ts'
import { signToken } from '../../../format/token.ts'
import { dataBytesMax } from '../../../wire/limits.ts'
import { makeIdentities, makeStream, sampleId, typingEvents } from '../../helpers/sample-stream.ts'
import { connectAgent, openMessage, sendStream, type TestAgent } from './test-agent.ts'
import { startTestNode, type TestNode } from './test-node.ts'

const frames = [typingEvents(50)]

async function ends(agent: TestAgent): Promise<string | undefined> {
  await agent.until(() => agent.closed !== undefined)
  return agent.errors().at(-1)?.code
}

async function isWell(node: TestNode): Promise<boolean> {
  const { bytes, recording } = await makeStream(node.identities, frames, {
    recording: sampleId(Math.random()),
  })
  const agent = await connectAgent(node.url, node.identities)
  await sendStream(agent, openMessage(recording), bytes)
  return agent.receipts(1).some((receipt) => receipt.final)
}

test('who does not prove to be an agent of this farm is refused with a code', async (t) => {
  const node = await startTestNode(t, { limits: { helloMs: 300 } })
  const silent = await connectAgent(node.url, node.identities, { hello: false })
  t.is(await ends(silent), 'state')
  const stranger = makeIdentities()
  t.is(await ends(await connectAgent(node.url, stranger)), 'certificate')
  const thief = await connectAgent(node.url, node.identities, { signer: stranger.agent })
  t.is(await ends(thief), 'identity')
  const over = signToken(
    {
      t: 'agent-certificate',
      agent: 'agent-1',
      host: 'h',
      key: toBase64url(node.identities.agent.publicKey),
      from: 0,
      until: 1,
      farm: farmIdOf(node.identities.farm.publicKey),
    },
    node.identities.farm,
  )
  t.is(await ends(await connectAgent(node.url, { ...node.identities, certificate: over })), 'certificate')
  node.register.allowed = false
  t.is(await ends(await connectAgent(node.url, node.identities)), 'revoked')
})

test('a revoked agent is cut off while it is connected', async (t) => {
  const node = await startTestNode(t, { limits: { recheckMs: 50 } })
  const agent = await connectAgent(node.url, node.identities)
  node.register.allowed = false
  t.is(await ends(agent), 'revoked')
})

const fixed: [string, string, (agent: TestAgent) => void][] = [
  ['no JSON', 'message', (agent) => agent.socket.send('{')],
  ['an unknown type', 'message', (agent) => agent.socket.send('{"type":"__proto__"}')],
  ['a long text', 'message', (agent) => agent.socket.send(`"${'x'.repeat(100_000)}"`)],
  ['a path as recording', 'message', (agent) => agent.send(openMessage('../../../../etc/cron.d/x'))],
  [
    'a second hello',
    'state',
    (agent) =>
      agent.send({ type: 'hello', version: '1', machine: '', host: '', certificate: '', signature: '' }),
  ],
  ['data of no channel', 'channel', (agent) => agent.data(77, 0, new Uint8Array(5))],
  ['data without bytes', 'data', (agent) => agent.socket.send(new Uint8Array(12))],
  ['data without header', 'data', (agent) => agent.socket.send(new Uint8Array(3))],
  ['an offset beyond 2^53', 'data', (agent) => agent.socket.send(new Uint8Array(20).fill(255))],
  [
    'a channel twice',
    'channel',
    (agent) => {
      agent.send(openMessage(sampleId(1)))
      agent.send(openMessage(sampleId(2)))
    },
  ],
]

for (const [what, code, act] of fixed)
  test(`${what}: closed with ${code}, the node stays well`, async (t) => {
    const node = await startTestNode(t)
    const agent = await connectAgent(node.url, node.identities)
    act(agent)
    t.is(await ends(agent), code)
    t.true(await isWell(node))
  })

test('a message above the limit ends the connection', async (t) => {
  const node = await startTestNode(t)
  const agent = await connectAgent(node.url, node.identities)
  agent.data(1, 0, new Uint8Array(dataBytesMax + 1))
  await agent.until(() => agent.closed?.code === 1009)
  t.true(await isWell(node))
})

const inChannel: [string, string, (agent: TestAgent) => void][] = [
  ['a hole in the offsets', 'offset', (agent) => agent.data(1, 5, new Uint8Array(5))],
  ['more than the credit', 'credit', (agent) => agent.data(1, 0, new Uint8Array(dataBytesMax))],
  ['a finish beyond the end', 'offset', (agent) => agent.send({ type: 'finish', channel: 1, size: 4 })],
  [
    'a skip of no GAP',
    'gap',
    (agent) => agent.send({ type: 'skip', channel: 1, from: 0, to: 99, gap: 'AAAA' }),
  ],
  [
    'a skip beyond the end',
    'offset',
    (agent) => agent.send({ type: 'skip', channel: 1, from: 1, to: 99, gap: '' }),
  ],
]

for (const [what, code, act] of inChannel)
  test(`${what}: closed with ${code}`, async (t) => {
    const node = await startTestNode(t)
    const agent = await connectAgent(node.url, node.identities)
    agent.send(openMessage(sampleId()))
    await agent.until(() => agent.opened(1).length > 0)
    act(agent)
    t.is(await ends(agent), code)
    t.true(await isWell(node))
  })

test('a place of another recording, or of another farm, is refused', async (t) => {
  const node = await startTestNode(t)
  const { bytes, recording } = await makeStream(node.identities, frames)
  const agent = await connectAgent(node.url, node.identities)
  await sendStream(agent, openMessage(recording), bytes)
  const { place } = agent.opened(1)[0]!
  agent.send(openMessage(sampleId(5), { channel: 2, place }))
  await agent.until(() => agent.errors().length > 0)
  t.like(agent.errors()[0], { code: 'place', channel: 2 })
  const farm = farmIdOf(node.identities.farm.publicKey)
  const forged = signToken(
    { t: 'place', recording, store: 's', path: '../../x', farm },
    makeIdentities().farm,
  )
  agent.send(openMessage(recording, { channel: 3, place: forged }))
  await agent.until(() => agent.errors().length > 1)
  t.like(agent.errors()[1], { code: 'place', channel: 3 })
  t.is(agent.closed, undefined)
})

test('an agent cannot write into the recording of another', async (t) => {
  const node = await startTestNode(t)
  const { bytes, recording } = await makeStream(node.identities, frames, { end: false })
  const agent = await connectAgent(node.url, node.identities)
  await sendStream(agent, openMessage(recording), bytes, { finish: false })
  await agent.close()
  const { farm } = node.identities
  const other = makeIdentities().agent
  const certificate = signToken(
    {
      t: 'agent-certificate',
      agent: 'agent-2',
      host: 'other',
      key: toBase64url(other.publicKey),
      from: 0,
      until: 4_102_444_800_000,
      farm: farmIdOf(farm.publicKey),
    },
    farm,
  )
  const intruder = await connectAgent(node.url, { farm, agent: other, certificate })
  intruder.send(openMessage(recording, { acked: bytes.length }))
  await intruder.until(() => intruder.errors().length > 0)
  t.like(intruder.errors()[0], { code: 'recording', channel: 1 })
})

test('more channels than allowed: refused one by one, the others go on', async (t) => {
  const node = await startTestNode(t)
  const agent = await connectAgent(node.url, node.identities)
  for (let i = 0; i <= 1024; i++) agent.send(openMessage(sampleId(i), { channel: i }))
  await agent.until(() => agent.errors().length > 0)
  t.like(agent.errors()[0], { code: 'channels', channel: 1024 })
  await agent.until(() => agent.messages.filter((message) => message.type === 'opened').length === 1024)
  t.is(agent.closed, undefined)
})

test('random messages never break the node, and leave no file outside of its day folders', async (t) => {
  const node = await startTestNode(t)
  const word = fc.constantFrom('open', 'skip', 'finish', 'close', 'hello', 'recording', '../..', '\u0000')
  const control = fc.record(
    {
      type: word,
      channel: fc.oneof(fc.integer(), fc.double(), word),
      recording: fc.oneof(fc.constant(sampleId()), word),
      stream: fc.constantFrom('cast', 'rfb', '..', null),
      acked: fc.integer(),
      oldest: fc.integer(),
      from: fc.nat(),
      to: fc.nat(),
      size: fc.nat(),
      gap: fc.string(),
      facts: fc.anything(),
    },
    { requiredKeys: ['type'] },
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.oneof(
          control.map((one) => JSON.stringify(one)),
          fc.uint8Array({ maxLength: 64 }),
          fc.string(),
        ),
        {
          maxLength: 8,
        },
      ),
      async (messages) => {
        const agent = await connectAgent(node.url, node.identities)
        for (const message of messages) agent.socket.send(message)
        await agent.close()
      },
    ),
    { numRuns: 60 },
  )
  t.true(await isWell(node))
  for (const name of await readdir(node.folders[0]!)) t.regex(name, /^(\d{4}|\.tapedeck-store\.json)$/)
})

test('drain: told, what was sent is acknowledged, then the connection closes', async (t) => {
  const node = await startTestNode(t)
  const { bytes, recording } = await makeStream(node.identities, frames)
  const agent = await connectAgent(node.url, node.identities)
  await sendStream(agent, openMessage(recording), bytes.subarray(0, 200), { finish: false })
  agent.data(1, 200, bytes.subarray(200, 700))
  while (node.ingest.stats().acceptedBytes < 700) await new Promise((resolve) => setImmediate(resolve))
  await node.ingest.drain()
  await agent.until(() => agent.closed !== undefined)
  t.is(agent.closed?.code, 1001)
  t.is(agent.acked(1), 700)
  t.true(agent.messages.some((message) => message.type === 'drain'))
})

test('heartbeats are told to the catalog; a peer that answers nothing is cut off', async (t) => {
  const node = await startTestNode(t, { limits: { heartbeatMs: 30 } })
  const agent = await connectAgent(node.url, node.identities)
  while (node.register.heartbeats < 3) await new Promise((resolve) => setImmediate(resolve))
  agent.socket.pause()
  const before = node.ingest.stats().connections
  t.is(before, 1)
  while (node.ingest.stats().connections > 0) await new Promise((resolve) => setImmediate(resolve))
  agent.socket.resume()
  await agent.until(() => agent.closed !== undefined)
})
