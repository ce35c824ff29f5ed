import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { StreamVerifier } from '../../../format/stream-verifier.ts'
import { crypto, makeIdentities, makeStream, sampleId, typingEvents } from '../../helpers/sample-stream.ts'
import { connectAgent, openMessage, sendStream } from './test-agent.ts'
import { startTestNode, type TestNode } from './test-node.ts'

const frames = [typingEvents(50), typingEvents(50, 100_000, 5_000_000), typingEvents(50, 100_000, 10_000_000)]

async function fileOf(node: TestNode, recording: string): Promise<Uint8Array> {
  const place = await node.store.place(recording)
  return readFile(join(node.folders[0]!, `${place.path}.cast.zst`))
}

test('a recording arrives byte for byte, with acks, receipts at every seal, and a final one after the catalog', async (t) => {
  const node = await startTestNode(t)
  const { bytes, recording } = await makeStream(node.identities, frames)
  const agent = await connectAgent(node.url, node.identities)
  await sendStream(agent, openMessage(recording), bytes, { pieceBytes: 100 })
  t.deepEqual(new Uint8Array(await fileOf(node, recording)), bytes)
  const receipts = agent.receipts(1)
  t.true(receipts.at(-1)!.final)
  t.is(receipts.at(-1)!.offset, bytes.length)
  const done = node.register.done.get(recording)!
  t.like(done, { proof: 'sealed', endReason: 'exit', exit: 0, frames: 3, gaps: 0, sizeBytes: bytes.length })
  const { frames: table } = await node.store.frames(await node.store.place(recording), 'cast')
  t.deepEqual(
    table.map(({ kind }) => kind),
    ['frame', 'frame', 'frame', 'end'],
  )
  t.true(table.every(({ sealed }) => sealed))
  const ends = table.map(({ offset, size }) => offset + size)
  for (const receipt of receipts.slice(0, -1)) t.true(ends.includes(receipt.offset))
})

test('a node that takes over reads the file and goes on where the agent was acknowledged', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'tapedeck-takeover-'))
  t.teardown(() => rm(home, { recursive: true, force: true }))
  const identities = makeIdentities()
  const { bytes, recording, boundaries } = await makeStream(identities, frames)
  const first = await startTestNode(t, { home, identities })
  const before = await connectAgent(first.url, identities)
  const cut = boundaries[1]! + 40
  await sendStream(before, openMessage(recording), bytes.subarray(0, cut), { finish: false })
  const [opened] = before.opened(1)
  await before.close()
  await first.ingest.close()

  const second = await startTestNode(t, { home, identities })
  const agent = await connectAgent(second.url, identities)
  // Acknowledged only up to here as far as the agent knows: between it and the seal bytes are compared, then written.
  const acked = boundaries[0]! + 10
  await sendStream(agent, openMessage(recording, { acked, place: opened!.place }), bytes)
  t.is(agent.opened(1)[0]!.offset, acked)
  t.true(agent.receipts(1).at(-1)!.final)
  t.deepEqual(new Uint8Array(await fileOf(second, recording)), bytes)
  t.is(second.register.done.get(recording)!.proof, 'sealed')
})

test('what a dead node wrote and nobody was promised is written again', async (t) => {
  const node = await startTestNode(t)
  const { bytes, recording, boundaries } = await makeStream(node.identities, frames)
  const place = await node.store.place(recording)
  const file = await node.store.open(place, 'cast')
  await file.write([bytes.subarray(0, boundaries[1]!)], 0)
  // A page that never reached the disk, under a seal that did.
  await file.write([new Uint8Array(60)], boundaries[0]! + 900)
  await file.close()
  const agent = await connectAgent(node.url, node.identities)
  await sendStream(agent, openMessage(recording, { acked: 10 }), bytes)
  t.deepEqual(new Uint8Array(await fileOf(node, recording)), bytes)
  t.is(node.register.done.get(recording)!.proof, 'sealed')
})

test('other bytes under a seal are a fork, and the file stays as it was', async (t) => {
  const node = await startTestNode(t)
  const { bytes, recording } = await makeStream(node.identities, frames, { end: false })
  const first = await connectAgent(node.url, node.identities)
  await sendStream(first, openMessage(recording), bytes, { finish: false })
  await first.close()
  const other = await makeStream(node.identities, [typingEvents(99), ...frames])
  const agent = await connectAgent(node.url, node.identities)
  await sendStream(agent, openMessage(recording), other.bytes)
  t.is(agent.errors()[0]!.code, 'fork')
  t.is(agent.closed, undefined)
  t.deepEqual(new Uint8Array(await fileOf(node, recording)), bytes)
})

test('a wrong signature is stored all the same, and said', async (t) => {
  const node = await startTestNode(t)
  const stranger = makeIdentities()
  const { bytes, recording } = await makeStream({ ...node.identities, agent: stranger.agent }, frames)
  const agent = await connectAgent(node.url, node.identities)
  await sendStream(agent, openMessage(recording), bytes)
  t.deepEqual(new Uint8Array(await fileOf(node, recording)), bytes)
  t.like(node.register.done.get(recording), { proof: 'failed', problem: { code: 'signature' } })
  t.true(agent.receipts(1).at(-1)!.final)
})

test('bytes that are no recording are stored, and said', async (t) => {
  const node = await startTestNode(t)
  const recording = sampleId(9)
  const bytes = new Uint8Array(300_000).fill(7)
  const agent = await connectAgent(node.url, node.identities)
  await sendStream(agent, openMessage(recording), bytes)
  t.deepEqual(new Uint8Array(await fileOf(node, recording)), bytes)
  t.like(node.register.done.get(recording), { proof: 'failed', endReason: 'lost' })
})

test('a recording that was deleted on purpose is answered with the receipt discarded', async (t) => {
  const node = await startTestNode(t)
  node.register.discarded.add(sampleId())
  const agent = await connectAgent(node.url, node.identities)
  agent.send(openMessage(sampleId()))
  await agent.until(() => agent.receipts(1).length > 0)
  t.like(agent.receipts(1)[0], { discarded: true, final: true })
})

test('the final receipt waits for the catalog', async (t) => {
  const node = await startTestNode(t)
  const { bytes, recording } = await makeStream(node.identities, frames)
  const agent = await connectAgent(node.url, node.identities)
  await sendStream(agent, openMessage(recording), bytes, { finish: false })
  node.register.failing = true
  agent.send({ type: 'finish', channel: 1, size: bytes.length })
  await agent.until(() => agent.acked(1) === bytes.length)
  while (node.errors.length === 0) await new Promise((resolve) => setImmediate(resolve))
  t.false(agent.receipts(1).some((receipt) => receipt.final))
  node.register.failing = false
  await agent.until(() => agent.receipts(1).some((receipt) => receipt.final))
  t.true(node.register.done.has(recording))
})

test('a viewer sees every byte in order, and the agent is told who watches', async (t) => {
  const node = await startTestNode(t)
  const { bytes, recording } = await makeStream(node.identities, frames)
  const verifier = new StreamVerifier(node.identities.farm.publicKey, crypto)
  let next = 0
  let complete = false
  const stop = node.live.subscribe(recording, 'cast', {
    bytes(offset, piece) {
      t.is(offset, next)
      next += piece.length
      verifier.push(piece.slice())
    },
    state: ({ state }) => {
      complete = state === 'complete'
    },
  })
  const agent = await connectAgent(node.url, node.identities)
  await sendStream(agent, openMessage(recording), bytes, { pieceBytes: 777 })
  t.true(verifier.finish().whole)
  t.true(complete)
  t.true(agent.messages.some((message) => message.type === 'live' && message.on))
  stop()
})
