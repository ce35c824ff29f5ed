import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { eventually } from '../../helpers/eventually.ts'
import { makeStream, typingEvents } from '../../helpers/sample-stream.ts'
import { connectAgent, openMessage, sendStream } from './test-agent.ts'
import { startTestNode } from './test-node.ts'

const frames = [typingEvents(300), typingEvents(300, 1000, 40_000_000)]

test('the newest connection has the stream; the one before is told', async (t) => {
  const node = await startTestNode(t)
  const { bytes, recording } = await makeStream(node.identities, frames)
  const old = await connectAgent(node.url, node.identities)
  await sendStream(old, openMessage(recording), bytes.subarray(0, 1000), { finish: false })
  const fresh = await connectAgent(node.url, node.identities)
  await sendStream(fresh, openMessage(recording, { acked: 1000 }), bytes)
  t.like(old.errors()[0], { code: 'replaced', channel: 1 })
  // What it had on its way is dropped, not punished.
  old.data(1, 1000, bytes.subarray(1000, 1100))
  old.send({ type: 'close', channel: 1 })
  t.true(fresh.receipts(1).at(-1)!.final)
  t.is(old.closed, undefined)
})

test('connections that are cut at any moment: the stream is whole in the end', async (t) => {
  const node = await startTestNode(t)
  const { bytes, recording } = await makeStream(node.identities, frames)
  let acked = 0
  for (let round = 0; round < 30; round++) {
    const agent = await connectAgent(node.url, node.identities)
    const sent = sendStream(agent, openMessage(recording, { acked }), bytes, {
      pieceBytes: 97,
      finish: false,
    })
    await agent.until(
      () => agent.acked(1) > acked + 100 || agent.acked(1) === bytes.length || round % 3 === 0,
    )
    agent.socket.terminate()
    await sent
    acked = Math.max(acked, agent.acked(1))
  }
  const agent = await connectAgent(node.url, node.identities)
  await sendStream(agent, openMessage(recording, { acked }), bytes)
  const place = await node.store.place(recording)
  t.deepEqual(new Uint8Array(await readFile(join(node.folders[0]!, `${place.path}.cast.zst`))), bytes)
  t.is(node.register.done.get(recording)!.proof, 'sealed')
  await eventually(() => {
    if (node.ingest.stats().channels > 0) throw new Error('Channels are left.')
  })
  t.is(node.ingest.stats().reservedBytes, 0)
})

test('a receipt that the agent has acted on is not sent again', async (t) => {
  const node = await startTestNode(t)
  const { bytes, recording, boundaries } = await makeStream(node.identities, frames, { end: false })
  const first = await connectAgent(node.url, node.identities)
  await sendStream(first, openMessage(recording), bytes, { finish: false })
  await first.close()
  const agent = await connectAgent(node.url, node.identities)
  const oldest = boundaries[1]!
  agent.send(openMessage(recording, { channel: 1, acked: oldest, oldest }))
  await agent.until(() => agent.opened(1).length > 0)
  agent.send(openMessage(recording, { channel: 2, acked: oldest, oldest: boundaries[0]! }))
  await agent.until(() => agent.receipts(2).length > 0)
  t.deepEqual(agent.receipts(1), [])
  t.is(agent.receipts(2)[0]!.offset, oldest)
})

test('discard and disconnect act on agents that are connected', async (t) => {
  const node = await startTestNode(t)
  const { bytes, recording } = await makeStream(node.identities, frames)
  const agent = await connectAgent(node.url, node.identities)
  await sendStream(agent, openMessage(recording), bytes.subarray(0, 1000), { finish: false })
  t.is(node.ingest.frames(recording, 'cast')!.size, 1000)
  t.is(node.ingest.stats().agents.length, 1)
  node.ingest.discard(recording)
  await agent.until(() => agent.receipts(1).some((receipt) => receipt.discarded))
  node.ingest.disconnect('agent-1')
  await agent.until(() => agent.closed !== undefined)
  t.is(agent.errors().at(-1)!.code, 'revoked')
})
