import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { concatBytes, toBase64url } from '../../../format/bytes.ts'
import { StreamVerifier } from '../../../format/stream-verifier.ts'
import { replaceByGap } from '../../../format/stream-writer.ts'
import { crypto, makeStream, typingEvents } from '../../helpers/sample-stream.ts'
import { connectAgent, openMessage, sendStream } from './test-agent.ts'
import { startTestNode } from './test-node.ts'

const frames = [typingEvents(100), typingEvents(3000, 1000, 20_000_000), typingEvents(100, 1000, 40_000_000)]

test('a skip writes the GAP and leaves a hole; the stream after it goes on in the chain', async (t) => {
  const node = await startTestNode(t)
  const { bytes, recording, boundaries } = await makeStream(node.identities, frames)
  const [from = 0, to = 0] = boundaries
  const table = new StreamVerifier(node.identities.farm.publicKey, crypto)
  table.push(bytes.subarray(0, from))
  const previous = table.chain
  table.push(bytes.subarray(from, to))
  const gap = replaceByGap(
    {
      recording,
      fromUs: 1,
      toUs: 2,
      reason: 'quota',
      previous,
      ...(table.chain && { through: table.chain }),
    },
    to - from,
    node.identities.agent,
  )
  const agent = await connectAgent(node.url, node.identities)
  await sendStream(agent, openMessage(recording), bytes.subarray(0, from), { finish: false })
  agent.send({ type: 'skip', channel: 1, from, to, gap: toBase64url(gap) })
  // A second time, as after a lost ack.
  agent.send({ type: 'skip', channel: 1, from, to, gap: toBase64url(gap) })
  await agent.until(() => agent.acked(1) === to)
  t.true(agent.limit(1) > to)
  await agent.until(() => agent.receipts(1).at(-1)?.offset === to, 'receipt for the GAP')
  agent.data(1, to, bytes.subarray(to))
  agent.send({ type: 'finish', channel: 1, size: bytes.length })
  await agent.until(() => agent.receipts(1).some((receipt) => receipt.final))

  const padding = new Uint8Array(to - from - gap.length)
  const expected = concatBytes([bytes.subarray(0, from), gap, padding, bytes.subarray(to)])
  const place = await node.store.place(recording)
  const path = join(node.folders[0]!, `${place.path}.cast.zst`)
  t.deepEqual(new Uint8Array(await readFile(path)), expected)
  t.like(node.register.done.get(recording), { proof: 'sealed', gaps: 1, frames: 2 })
  const { frames: entries } = await node.store.frames(place, 'cast')
  t.deepEqual(
    entries.map(({ kind, offset, sealed }) => [kind, offset, sealed]),
    [
      ['frame', 0, true],
      ['gap', from, true],
      ['frame', to, true],
      ['end', boundaries[2], true],
    ],
  )

  // Opened again from the file: it passes the hole, knows the END, and answers as before.
  const again = await connectAgent(node.url, node.identities)
  again.send(openMessage(recording, { acked: bytes.length, oldest: bytes.length }))
  await again.until(() => again.opened(1).length > 0)
  t.is(again.opened(1)[0]!.offset, bytes.length)
  again.send({ type: 'finish', channel: 1, size: bytes.length })
  await again.until(() => again.receipts(1).some((receipt) => receipt.final))
})

test('a GAP of 2 GiB takes no room on the disk and no time', async (t) => {
  const node = await startTestNode(t)
  const { bytes, recording, boundaries } = await makeStream(node.identities, [typingEvents(10)], {
    end: false,
  })
  const from = boundaries[0]!
  const to = from + 2 ** 31
  const table = new StreamVerifier(node.identities.farm.publicKey, crypto)
  table.push(bytes)
  const gap = replaceByGap(
    { recording, fromUs: 1, toUs: 2, reason: 'expired', previous: table.chain },
    to - from,
    node.identities.agent,
  )
  const agent = await connectAgent(node.url, node.identities)
  await sendStream(agent, openMessage(recording), bytes, { finish: false })
  agent.send({ type: 'skip', channel: 1, from, to, gap: toBase64url(gap) })
  await agent.until(() => agent.acked(1) === to)
  await agent.close()
  const place = await node.store.place(recording)
  const { size, blocks } = await stat(join(node.folders[0]!, `${place.path}.cast.zst`))
  t.is(size, to)
  t.true(blocks * 512 < 100_000)
  const { frames: entries } = await node.store.frames(place, 'cast')
  t.deepEqual(
    entries.map(({ kind }) => kind),
    ['frame', 'gap'],
  )
  const again = await connectAgent(node.url, node.identities)
  again.send(openMessage(recording, { acked: to, oldest: to }))
  await again.until(() => again.opened(1).length > 0)
  t.is(again.opened(1)[0]!.offset, to)
})
