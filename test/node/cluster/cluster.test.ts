import test from 'ava'
import { enrolledAgent, openCast } from '../../helpers/enrolled-agent.ts'
import { eventually } from '../../helpers/eventually.ts'
import { watchLive } from '../../helpers/live-watcher.ts'
import { type NodeProgram, startNodeProgram } from '../../helpers/node-program.ts'
import { makeStream, typingEvents } from '../../helpers/sample-stream.ts'
import { connectAgent, openMessage, sendStream } from '../ingest/test-agent.ts'

// A node of several workers, as programs.

const replaced = (node: NodeProgram, before: number[], gone: number[]) =>
  eventually(
    () => {
      const now = node.workers()
      const serving = node.log().filter(({ code }) => code === 'worker-started').length
      const died = node.log().filter(({ code }) => code === 'worker-died').length
      if (now.length !== before.length || gone.some((pid) => now.includes(pid)) || serving < died)
        throw new Error(`Workers were ${before}, are ${now}; ${serving} of ${died} serve again.`)
      return now
    },
    { timeoutMs: 60_000 },
  )

test('workers share one port; one that dies or hangs is replaced', async (t) => {
  const node = await startNodeProgram(t, { workers: 3 })
  const before = node.workers()
  t.is(before.length, 3)
  // Each has its own series.
  await eventually(async () => {
    const { text } = await node.ask('/metrics', { as: 'nobody' })
    for (const worker of [0, 1, 2])
      if (!text.includes(`tapedeck_agents{worker="${worker}"} 0`)) throw new Error(text)
  })
  process.kill(before[1]!, 'SIGKILL')
  const after = await replaced(node, before, [before[1]!])
  process.kill(after[0]!, 'SIGSTOP')
  await replaced(node, before, [after[0]!])
  t.true(node.log().some(({ code }) => code === 'worker-hangs'))
  for (let i = 0; i < 6; i++) t.is((await node.ask('/readyz', { as: 'nobody' })).status, 200)
})

test('a recording goes on over the death of its worker, and is watched from all of them', async (t) => {
  const node = await startNodeProgram(t, { workers: 3 })
  const { agent, identities } = await enrolledAgent(t, node)
  const { recording, bytes } = await makeStream(identities, [
    typingEvents(200),
    typingEvents(200, 1000, 30_000_000),
  ])
  await openCast(agent, recording)
  const half = bytes.length >> 1
  agent.data(1, 0, bytes.subarray(0, half))
  await agent.until(() => agent.acked(1) === half)
  // Connections are dealt out in turn: these go to every worker.
  const viewers = Array.from({ length: 6 }, () => watchLive(node, recording))
  await eventually(() => {
    for (const { bytes: seen } of viewers)
      if (seen.length !== half) throw new Error(`${seen.length} of ${half}`)
  })
  agent.data(1, half, bytes.subarray(half, half + 40))
  await eventually(() => {
    for (const { bytes: seen } of viewers) if (seen.length !== half + 40) throw new Error(`${seen.length}`)
  })
  for (const viewer of viewers) viewer.socket.close()

  // Whichever holds the agent.
  for (const pid of node.workers()) {
    if (agent.closed) break
    const all = node.workers()
    process.kill(pid, 'SIGKILL')
    await replaced(node, all, [pid])
  }
  t.truthy(agent.closed)
  const again = await connectAgent(`wss://localhost:${node.node.port}/agent/v1`, identities, { ca: node.ca })
  await sendStream(again, openMessage(recording), bytes)
  await again.close()
  const { json } = await node.ask(`/api/recordings/${recording}/verify`)
  t.true(json.whole)
  t.is((await node.ask(`/api/recordings/${recording}`)).json.bytes, bytes.length)
})

/** So many that some connection is on its way to a worker when that one ends. */
const askers = 16

test('SIGHUP replaces the workers one by one, and nobody is refused meanwhile', async (t) => {
  const node = await startNodeProgram(t, { workers: 2 })
  const { agent } = await enrolledAgent(t, node)
  const before = node.workers()
  node.signal('SIGHUP')
  let asked = 0
  const ask = () =>
    eventually(
      async () => {
        const { status } = await node.ask('/healthz', { as: 'nobody' })
        if (status !== 200) throw t.fail(`A request got ${status}.`)
        asked += 1
        if (!node.log().some(({ code }) => code === 'restarted')) throw new Error('Not yet.')
      },
      { timeoutMs: 60_000, everyMs: 1 },
    )
  await Promise.all(Array.from({ length: askers }, ask))
  t.true(asked > askers)
  t.true(agent.messages.some(({ type }) => type === 'drain'))
  t.false(node.workers().some((pid) => before.includes(pid)))
})

test('SIGTERM ends all; without the primary no worker stays; what cannot start says so once', async (t) => {
  const node = await startNodeProgram(t, { workers: 2 })
  const workers = node.workers()
  node.signal('SIGTERM')
  t.is(await node.exit, 0)
  for (const pid of workers) t.throws(() => process.kill(pid, 0), { code: 'ESRCH' })

  const orphaned = await startNodeProgram(t, { workers: 2 })
  const orphans = orphaned.workers()
  orphaned.signal('SIGKILL')
  t.is(await orphaned.exit, 137)
  await eventually(() => {
    for (const pid of orphans) {
      try {
        process.kill(pid, 0)
      } catch {
        continue
      }
      throw new Error(`${pid} lives.`)
    }
  })

  const refused = await t.throwsAsync(startNodeProgram(t, { workers: 2, farmKey: 'nowhere' }))
  t.regex(refused!.message, /ended with 1[\s\S]*nowhere/)
})
