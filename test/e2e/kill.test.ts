import anyTest, { type TestFn } from 'ava'
import { faultRound, killing, recorderRound } from '../helpers/faults.ts'
import { seededRandom, seedOfRun } from '../helpers/random.ts'
import { type Listed, startUp, type Up } from '../helpers/up.ts'

// kill -9 at random moments. `TAPEDECK_SEED=N` repeats a run's moments; `npm run soak` has a hundred rounds and more kinds.

const test = anyTest as TestFn<{ up: Up }>
const seed = seedOfRun()
const random = seededRandom(seed)

test.before(async (t) => {
  t.context = { up: await startUp() }
})
test.after.always((t) => t.context.up?.stop())

const rounds = [
  ['agent', killing('agent')],
  ['node', killing('node')],
  ['node and agent', killing('node', 'agent')],
  ['recorder', undefined],
  ['agent', killing('agent')],
  ['node', killing('node')],
  ['node and agent', killing('node', 'agent')],
  ['recorder', undefined],
  ['node and agent', killing('node', 'agent')],
  ['agent', killing('agent')],
] as const

for (const [i, [what, fault]] of rounds.entries())
  test.serial(`round ${i}, TAPEDECK_SEED=${seed}: ${what} killed; nothing lost, nothing twice`, async (t) => {
    const { up } = t.context
    if (fault) await faultRound({ up }, i, random, [fault])
    else await recorderRound(up, i, random)
    t.pass()
  })

test.serial('every session is one recording', async (t) => {
  const rows = await t.context.up.json<Listed[]>('list', '--limit', '1000')
  t.is(rows.length, 2 * rounds.length)
  t.true(rows.every(({ state, gaps, proof }) => state === 'complete' && gaps === 0 && proof === 'sealed'))
})
