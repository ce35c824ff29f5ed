import test from 'ava'
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
import { idOf, onEachCatalog, sampleRow } from './catalogs.ts'
import { opening, registerOf } from './register-of.ts'

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
})
