import type { ExecutionContext } from 'ava'
import test from 'ava'
import { addAgent, listAgents } from '../../node/catalog/agents.ts'
import { openDormantWatch } from '../../node/catalog/dormant.ts'
import type { CatalogDatabase } from '../../node/catalog/open-catalog.ts'
import {
  addRecording,
  buryRecording,
  countByState,
  findRecording,
  forgetRecording,
  isBuried,
  isEmpty,
  recordingsOfSession,
} from '../../node/catalog/recordings.ts'
import { openRegister, type Register } from '../../node/catalog/register.ts'
import type { RecordingProgress } from '../../node/ingest/register.ts'
import { facts } from '../helpers/sample-stream.ts'
import { idOf, onEachCatalog, place, sampleRow } from './catalogs.ts'

const day = 86_400_000

function registerOf(t: ExecutionContext, db: CatalogDatabase, node = 'node-1') {
  const returned: string[] = []
  const missing: string[] = []
  const failures: unknown[] = []
  const register = openRegister({
    db,
    node,
    returned: (recording) => void returned.push(recording),
    missing: async (recording) => void missing.push(recording),
    failed: (error) => void failures.push(error),
    batchMs: 600_000,
  })
  t.teardown(() => register.close())
  return { register, returned, missing, failures }
}

const opening = (seed: number, more: { agent?: string; command?: string; sequence?: number } = {}) => {
  const { agent = 'agent-1', ...changed } = more
  return {
    recording: idOf(seed),
    stream: 'cast' as const,
    agent,
    facts: { ...facts, ...changed },
    place,
    openedMs: 5000,
  }
}

const progress = (sizeBytes: number, more: Partial<RecordingProgress> = {}): RecordingProgress => ({
  stream: 'cast',
  sizeBytes,
  sealedBytes: sizeBytes - 10,
  rawBytes: 4 * sizeBytes,
  frames: 3,
  gaps: 1,
  endUs: 2_000_000,
  proof: 'sealed',
  ...more,
})

async function openAll(register: Register, seeds: number[]): Promise<void> {
  for (const seed of seeds) await register.opened(opening(seed))
}

onEachCatalog(test, (test, catalogs) => {
  test('a recording is added once, found, counted and forgotten', async (t) => {
    const { db, again } = await catalogs.open(t)
    t.true(await isEmpty(db))
    const row = sampleRow(1, { command: 'tr \0 "\\%_" 😀 ÄÖ', sequence: 4_294_967_296_000 })
    const other = await again()
    const added = await Promise.all([addRecording(db, row), addRecording(other, row)])
    t.deepEqual(added.sort(), [false, true])
    const found = (await findRecording(db, row.id))!
    const text = (value: string) =>
      catalogs.name === 'PostgreSQL' ? value.replaceAll('\0', '\ufffd') : value
    t.deepEqual({ ...found, row: 0 }, { ...row, row: 0, command: text(row.command), words: text(row.words) })
    t.is(await findRecording(db, idOf(2)), undefined)
    t.false(await isEmpty(db))

    for (const [seed, sequence] of [
      [2, 2],
      [3, 1],
      [4, 10],
    ] as const)
      await addRecording(db, { ...sampleRow(seed, { session: 's-2', sequence }), state: 'complete' })
    t.deepEqual(
      (await recordingsOfSession(db, 's-2')).map(({ sequence }) => sequence),
      [1, 2, 10],
    )
    t.deepEqual(await countByState(db), { live: 1, complete: 3, dormant: 0, archived: 0 })
    await buryRecording(db, { recording: row.id, deletedBy: 'ada', nowMs: 1 })
    await buryRecording(db, { recording: row.id, deletedBy: 'eve', nowMs: 2 })
    t.true(await isBuried(db, row.id))
    await forgetRecording(db, row.id)
    t.is(await findRecording(db, row.id), undefined)
    // An import brings it back.
    t.true(await addRecording(db, row))
    t.false(await isBuried(db, row.id))
  })

  test('an opened recording has a row, a deleted one none, whichever comes first', async (t) => {
    const { db, again } = await catalogs.open(t)
    const other = await again()
    const { register } = registerOf(t, db)
    const elsewhere = registerOf(t, other, 'node-2').register
    t.is(await register.opened(opening(1)), 'accepted')
    t.is(await elsewhere.opened(opening(1, { agent: 'agent-2' })), 'accepted')
    const row = (await findRecording(db, idOf(1)))!
    t.deepEqual([row.agent, row.node, row.state], ['agent-2', 'node-2', 'live'])

    for (let seed = 100; seed < 116; seed++) {
      const recording = idOf(seed)
      const remove = async () => {
        await buryRecording(other, { recording, deletedBy: 'ada', nowMs: 1 })
        await forgetRecording(other, recording)
      }
      const [answer] = await Promise.all([register.opened(opening(seed)), remove()])
      t.true(['accepted', 'discarded'].includes(answer))
      t.is(await findRecording(db, recording), undefined)
      t.is(await register.opened(opening(seed)), 'discarded')
    }
  })

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

  test('two nodes write the same recordings in opposite order', async (t) => {
    const { db, again } = await catalogs.open(t)
    const one = registerOf(t, db)
    const two = registerOf(t, await again(), 'node-2')
    const seeds = Array.from({ length: 300 }, (_, i) => i)
    await openAll(one.register, seeds)
    for (let round = 1; round <= 5; round++) {
      for (const seed of seeds) one.register.progress(idOf(seed), progress(100 * round + 1))
      for (const seed of seeds.toReversed()) two.register.progress(idOf(seed), progress(100 * round))
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

  test('silence makes a recording dormant, progress and opening take it back', async (t) => {
    const { db, again } = await catalogs.open(t)
    const { register, returned } = registerOf(t, db)
    let nowMs = 10 * day
    const marked: string[] = []
    const open = new Set<string>()
    const connected = new Set<string>()
    const failed: unknown[] = []
    const watch = openDormantWatch({
      db: await again(),
      isOpen: (recording) => open.has(recording),
      connected: () => connected,
      markLost: async (row) => void marked.push(row.id),
      found: () => undefined,
      failed: (error) => void failed.push(error),
      silenceMs: 45_000,
      everyMs: 600_000,
      now: () => nowMs,
    })
    t.teardown(() => watch.close())
    for (const id of ['silent', 'here', 'elsewhere'])
      await addAgent(db, { id, host: id, machine: '', publicKey: id, nowMs })
    const [silent, kept, dropped, elsewhere] = [1, 2, 3, 4].map((seed) => idOf(seed)) as [
      string,
      string,
      string,
      string,
    ]
    await register.opened(opening(1, { agent: 'silent' }))
    await register.opened(opening(2, { agent: 'here' }))
    await register.opened(opening(3, { agent: 'here' }))
    await register.opened(opening(4, { agent: 'elsewhere' }))
    await db.updateTable('agents').set({ seenMs: nowMs }).execute()
    open.add(kept)
    connected.add('here')
    const states = async () =>
      Object.fromEntries(
        (await db.selectFrom('recordings').select(['id', 'state']).execute()).map(({ id, state }) => [
          id,
          state,
        ]),
      )
    const hear = async () => {
      await db.updateTable('agents').set({ seenMs: nowMs }).where('id', '!=', 'silent').execute()
    }
    nowMs += 40_000
    await hear()
    await watch.check()
    t.deepEqual(marked, [])
    nowMs += 10_000
    await hear()
    await watch.check()
    t.deepEqual(marked, [silent])
    nowMs += 46_000
    await hear()
    await watch.check()
    t.deepEqual(marked, [silent, dropped])
    t.deepEqual(await states(), {
      [silent]: 'dormant',
      [kept]: 'live',
      [dropped]: 'dormant',
      // Its own node knows whether it is open.
      [elsewhere]: 'live',
    })

    register.progress(silent, progress(100))
    await register.flush()
    await register.opened(opening(3, { agent: 'here' }))
    t.deepEqual(returned, [silent, dropped])
    t.deepEqual(Object.values(await states()), ['live', 'live', 'live', 'live'])
    t.is((await findRecording(db, silent))!.lostMs, null)

    // Complete wins over the watch that looks at the same time.
    nowMs += 46_000
    const end = { ...progress(200), endReason: 'exit' as const }
    await Promise.all([watch.check(), register.completed(silent, end), register.completed(dropped, end)])
    t.deepEqual(await db.selectFrom('recordings').select('id').where('lostMs', 'is not', null).execute(), [
      { id: elsewhere },
    ])
    t.is((await findRecording(db, silent))!.state, 'complete')
    t.deepEqual(failed, [])
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
