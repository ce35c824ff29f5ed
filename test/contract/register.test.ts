import test from 'ava'
import { addAgent, listAgents } from '../../node/catalog/agents.ts'
import { findRecording } from '../../node/catalog/recordings.ts'
import type { Register } from '../../node/catalog/register.ts'
import { facts } from '../helpers/sample-stream.ts'
import { idOf, onEachCatalog } from './catalogs.ts'
import { opening, progress, registerOf } from './register-of.ts'

async function openAll(register: Register, seeds: number[]): Promise<void> {
  for (const seed of seeds) await register.opened(opening(seed))
}

onEachCatalog(test, (test, catalogs) => {
  test('progress is written in batches; the newest counts, sizes only grow', async (t) => {
    const { db } = await catalogs.open(t)
    const { register, missing, failures } = registerOf(t, db)
    const seeds = Array.from({ length: 450 }, (_, i) => i)
    await openAll(register, seeds)
    for (const seed of seeds) register.progress(idOf(seed), progress(100))
    for (const seed of seeds) register.progress(idOf(seed), progress(1000 + seed, { endUs: 2 ** 52 }))
    register.progress(idOf(3), progress(77, { stream: 'rfb' }))
    register.progress(idOf(9999), progress(100))
    await register.flush()
    const rows = await db.selectFrom('recordings').selectAll().execute()
    t.deepEqual(
      rows.map(({ id, bytes, rawBytes, endUs }) => [id, bytes, rawBytes, endUs]).sort(),
      seeds.map((seed) => [idOf(seed), 1000 + seed, 4 * (1000 + seed), 2 ** 52]).sort(),
    )
    t.is((await findRecording(db, idOf(3)))!.screenBytes, 77)
    t.deepEqual(missing, [idOf(9999)])

    register.progress(idOf(1), progress(500))
    register.progress(idOf(2), progress(2000, { proof: 'failed', problem: { code: 'hash', text: 'wrong' } }))
    await register.flush()
    register.progress(idOf(2), progress(3000, { problem: { code: 'later', text: 'another' } }))
    await register.flush()
    t.is((await findRecording(db, idOf(1)))!.bytes, 1001)
    const failed = (await findRecording(db, idOf(2)))!
    t.deepEqual([failed.bytes, failed.proof, failed.problem], [3000, 'failed', 'hash: wrong'])
    t.deepEqual(failures, [])
  })

  test('a desktop is complete when both of its streams are, whichever ends first', async (t) => {
    const { db } = await catalogs.open(t)
    const { register } = registerOf(t, db)
    const ends = (['cast', 'rfb'] as const).map((stream) => ({
      ...progress(stream === 'cast' ? 700 : 90_000, {
        stream,
        endUs: stream === 'cast' ? 1_000_000 : 5_000_000,
      }),
      endReason: 'exit' as const,
    }))
    for (const [seed, order] of [
      [1, ends],
      [2, ends.toReversed()],
    ] as const) {
      for (const stream of ['cast', 'rfb'] as const) {
        const opened = { ...opening(seed), stream }
        await register.opened({ ...opened, facts: { ...opened.facts, type: 'desktop' } })
      }
      register.progress(idOf(seed), progress(80_000, { stream: 'rfb', gaps: 2, sealedBytes: 70_000 }))
      await register.flush()
      t.like(await findRecording(db, idOf(seed)), {
        screenBytes: 80_000,
        screenGaps: 2,
        screenSealedBytes: 70_000,
      })
      await register.completed(idOf(seed), order[0]!)
      t.like(await findRecording(db, idOf(seed)), { state: 'live', endMs: null })
      await register.completed(idOf(seed), order[1]!)
      const { state, endMs, startMs, bytes, screenBytes } = (await findRecording(db, idOf(seed)))!
      t.deepEqual([state, endMs! - startMs, bytes, screenBytes], ['complete', 5000, 700, 90_000])
    }
  })

  test('two nodes write the same recordings in opposite order', async (t) => {
    const { db, again } = await catalogs.open(t)
    const one = registerOf(t, db)
    const two = registerOf(t, await again(), 'node-2')
    const seeds = Array.from({ length: 300 }, (_, i) => i)
    await openAll(one.register, seeds)
    for (let round = 1; round <= 5; round++) {
      for (const seed of seeds) one.register.progress(idOf(seed), progress(100 * round + 1))
      for (const seed of seeds.toReversed()) two.register.progress(idOf(seed), progress(100 * round))
      for (const seed of seeds) two.register.progress(idOf(seed), progress(round, { stream: 'rfb' }))
      for (const agent of seeds) one.register.heartbeat(`agent-${agent}`)
      for (const agent of seeds.toReversed()) two.register.heartbeat(`agent-${agent}`)
      await Promise.all([one.register.flush(), two.register.flush()])
    }
    t.deepEqual([...one.failures, ...two.failures], [])
    const rows = await db.selectFrom('recordings').select('bytes').execute()
    t.true(rows.every(({ bytes }) => bytes === 501))
  })

  test('a completed recording says how it ended; asked again it answers the same', async (t) => {
    const { db } = await catalogs.open(t)
    const { register, returned } = registerOf(t, db)
    await register.opened(opening(1))
    register.progress(idOf(1), progress(100))
    const completed = { ...progress(5000), endReason: 'exit' as const, exit: 3 }
    for (let i = 0; i < 2; i++) await register.completed(idOf(1), completed)
    await register.flush()
    const row = (await findRecording(db, idOf(1)))!
    t.deepEqual(
      [row.state, row.endMs, row.endReason, row.exitStatus, row.exitSignal, row.bytes, row.lostMs],
      ['complete', facts.startedMs + 2000, 'exit', 3, null, 5000, null],
    )
    await register.completed(idOf(77), completed)
    // A complete one is opened again only to ask for its receipt.
    await register.opened(opening(1))
    t.is((await findRecording(db, idOf(1)))!.state, 'complete')
    t.deepEqual(returned, [])
  })

  test('heartbeats say when an agent was heard last', async (t) => {
    const { db } = await catalogs.open(t)
    const { register } = registerOf(t, db)
    const since = Date.now()
    for (const id of ['a', 'b']) await addAgent(db, { id, host: id, machine: '', publicKey: id, nowMs: 5 })
    register.heartbeat('a')
    register.heartbeat('nobody')
    await register.flush()
    const [a, b] = await listAgents(db)
    t.true(a!.seenMs >= since)
    t.is(b!.seenMs, 5)
  })
})
