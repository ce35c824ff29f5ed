import assert from 'node:assert/strict'
import { readFile, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import type { Store } from '../../../node/store/store.ts'
import { eventually } from '../../helpers/eventually.ts'
import { makeStream, sampleId, typingEvents } from '../../helpers/sample-stream.ts'
import { connectAgent, openMessage, sendStream } from './test-agent.ts'
import { startTestNode, type TestNode } from './test-node.ts'

const frames = [typingEvents(200), typingEvents(200, 1000, 30_000_000)]

type Fault = { on: 'write' | 'sync'; code: string } | undefined

/** The real store; its files fail as told, as a disk does: before, or after half of the bytes. */
function faulty(store: Store, next: (call: 'write' | 'sync') => Fault): Store {
  const open: Store['open'] = async (place, stream) => {
    const file = await store.open(place, stream)
    const fail = (fault: NonNullable<Fault>) => {
      throw Object.assign(new Error(`${fault.code}: made by the test`), { code: fault.code })
    }
    const write = file.write.bind(file)
    const sync = file.sync.bind(file)
    file.write = async (pieces, offset) => {
      const fault = next('write')
      if (fault?.on === 'write') {
        await write([pieces[0]!.subarray(0, pieces[0]!.length / 2)], offset)
        fail(fault)
      }
      await write(pieces, offset)
    }
    file.sync = async () => {
      const fault = next('sync')
      if (fault?.on === 'sync') fail(fault)
      return sync()
    }
    return file
  }
  return { ...store, open }
}

async function stored(node: TestNode, recording: string): Promise<Uint8Array> {
  const place = await node.store.place(recording)
  return new Uint8Array(await readFile(join(node.folders[0]!, `${place.path}.cast.zst`)))
}

for (const on of ['write', 'sync'] as const)
  test(`the first and every third ${on} after it fails: the stream is opened again and arrives whole, on one connection`, async (t) => {
    let calls = 0
    const fault = { on, code: on === 'write' ? 'ENOSPC' : 'EIO' }
    const node = await startTestNode(t, {
      wrap: (store) => faulty(store, (call) => (call === on && calls++ % 3 === 0 ? fault : undefined)),
    })
    const { bytes, recording } = await makeStream(node.identities, frames)
    const agent = await connectAgent(node.url, node.identities)
    await sendStream(agent, openMessage(recording), bytes, { pieceBytes: 50 })
    t.deepEqual(await stored(node, recording), bytes)
    t.is(node.register.done.get(recording)!.proof, 'sealed')
    t.true(agent.opened(1).length > 1)
    t.is(agent.closed, undefined)
    t.is(node.ingest.stats().trouble, undefined)
    t.true(node.errors.some((line) => line.startsWith(on === 'write' ? 'store-full' : 'store-failed')))
  })

test('I1: while nothing can be synced nothing is acknowledged, and the agent stays connected', async (t) => {
  let broken = true
  const node = await startTestNode(t, {
    wrap: (store) => faulty(store, () => (broken ? { on: 'sync', code: 'EIO' } : undefined)),
  })
  const { bytes, recording } = await makeStream(node.identities, frames)
  const agent = await connectAgent(node.url, node.identities)
  const sent = sendStream(agent, openMessage(recording), bytes)
  await agent.until(() => agent.opened(1).length >= 4)
  t.false(agent.messages.some((message) => message.type === 'acks' || message.type === 'receipt'))
  t.is(node.ingest.stats().trouble?.code, 'store-failed')
  t.is(agent.closed, undefined)
  broken = false
  await sent
  t.deepEqual(await stored(node, recording), bytes)
  t.is(node.errors.length, 1)
})

test('a store that is unmounted gets no file and no folder, and recordings go on when it is back', async (t) => {
  const node = await startTestNode(t)
  const [folder = ''] = node.folders
  const { bytes, recording } = await makeStream(node.identities, frames)
  const agent = await connectAgent(node.url, node.identities)
  await rename(folder, `${folder}.away`)
  const sent = sendStream(agent, openMessage(recording), bytes)
  await eventually(() => assert.equal(node.ingest.stats().trouble?.code, 'store-missing'))
  await t.throwsAsync(stat(folder), { code: 'ENOENT' })
  await rename(`${folder}.away`, folder)
  await sent
  t.deepEqual(await stored(node, recording), bytes)
})

test('a file that lost synced bytes is noticed before it is written to', async (t) => {
  const node = await startTestNode(t, { limits: { openFilesMax: 0 } })
  const { bytes, recording } = await makeStream(node.identities, frames)
  const agent = await connectAgent(node.url, node.identities)
  await sendStream(agent, openMessage(recording), bytes.subarray(0, 900), { finish: false })
  const place = await node.store.place(recording)
  const file = await node.store.open(place, 'cast')
  await file.cut(500)
  await file.close()
  agent.data(1, 900, bytes.subarray(900, 1000))
  await agent.until(() => agent.opened(1).length === 2)
  // No boundary is left, so the agent starts again.
  t.is(agent.opened(1)[1]!.offset, 0)
  t.deepEqual(await stored(node, recording), bytes.subarray(0, 500))
})

test('a share that shows an old size is waited for; bytes that are lost for good become a GAP after a seal', async (t) => {
  const node = await startTestNode(t, { limits: { staleShareMs: 300 } })
  const { bytes, recording, boundaries } = await makeStream(node.identities, frames)
  const first = await connectAgent(node.url, node.identities)
  const oldest = boundaries[1]!
  await sendStream(first, openMessage(recording), bytes.subarray(0, oldest), { finish: false })
  const shown = first.messages.filter((message) => message.type === 'receipt').at(-1)!.receipt
  await first.close()
  const file = await node.store.open(await node.store.place(recording), 'cast')
  await file.cut(boundaries[0]! + 20)
  await file.close()
  const agent = await connectAgent(node.url, node.identities)
  agent.send(openMessage(recording, { acked: oldest, oldest, receipt: shown }))
  await eventually(() => assert.equal(node.ingest.stats().trouble?.code, 'store-stale'))
  t.deepEqual(agent.opened(1), [])
  await agent.until(() => agent.opened(1).length > 0)
  t.is(agent.opened(1)[0]!.offset, boundaries[0]!)
})

test('a store that may not be written tells so and recovers', async (t) => {
  let code: string | undefined = 'EROFS'
  const node = await startTestNode(t, {
    wrap: (store) => faulty(store, () => (code ? { on: 'write', code } : undefined)),
  })
  const { bytes, recording } = await makeStream(node.identities, frames, { recording: sampleId(3) })
  const agent = await connectAgent(node.url, node.identities)
  const sent = sendStream(agent, openMessage(recording), bytes)
  await eventually(() => assert.equal(node.ingest.stats().trouble?.code, 'store-read-only'))
  code = undefined
  await sent
  t.deepEqual(await stored(node, recording), bytes)
})

test('one store that hangs keeps no other waiting', async (t) => {
  let release: () => void = () => undefined
  const hanging = new Promise<void>((resolve) => {
    release = resolve
  })
  const stuck = new Set<string>()
  const node = await startTestNode(t, {
    folders: 2,
    wrap: (store) => ({
      ...store,
      async open(place, stream) {
        const file = await store.open(place, stream)
        if (stuck.size === 0) stuck.add(place.store)
        const sync = file.sync.bind(file)
        if (stuck.has(place.store))
          file.sync = async () => {
            await hanging
            return sync()
          }
        return file
      },
    }),
  })
  const agent = await connectAgent(node.url, node.identities)
  const work = await Promise.all(
    Array.from({ length: 40 }, async (_, i) => {
      const made = await makeStream(node.identities, frames, { recording: sampleId(i) })
      return { channel: i + 1, ...made, done: false }
    }),
  )
  const sent = work.map(async (one) => {
    await sendStream(agent, openMessage(one.recording, { channel: one.channel }), one.bytes)
    one.done = true
  })
  await eventually(() => assert.ok(work.filter(({ done }) => done).length >= 20))
  t.true(work.some(({ done }) => !done))
  release()
  await Promise.all(sent)
  t.is(node.register.done.size, 40)
})
