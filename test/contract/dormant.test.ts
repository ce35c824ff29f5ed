import test from 'ava'
import { addAgent } from '../../node/catalog/agents.ts'
import { openDormantWatch } from '../../node/catalog/dormant.ts'
import { findRecording } from '../../node/catalog/recordings.ts'
import { idOf, onEachCatalog } from './catalogs.ts'
import { opening, progress, registerOf } from './register-of.ts'

const day = 86_400_000

onEachCatalog(test, (test, catalogs) => {
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
})
