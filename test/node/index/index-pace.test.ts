import { cpus } from 'node:os'
import test from 'ava'
import { IndexPace } from '../../../node/index/index-pace.ts'

// A machine whose cores all ran for a second, of which the indexer had `own` and others had `others` (shares of all cores).
function paceAfter(own: number, others: number) {
  const cores = cpus().length
  let passedMs = 0
  const pace = new IndexPace(
    () => passedMs * cores * own,
    () => ({ totalMs: passedMs * cores, busyMs: passedMs * cores * (own + others) }),
  )
  return (ms: number) => {
    passedMs += ms
    return { restMs: pace.restMs(), workMs: ms * cores * own }
  }
}

test('alone on the machine it does not rest, however busy it is itself', (t) => {
  const second = paceAfter(0.5, 0.1)
  for (let i = 0; i < 5; i++) t.is(second(1000).restMs, 0)
})

test('where others use the machine it works a tenth of the time', (t) => {
  const second = paceAfter(0.3, 0.6)
  for (let i = 0; i < 5; i++) {
    const { restMs, workMs } = second(1000)
    t.true(Math.abs(restMs - 9 * workMs) < 1e-6, `${restMs} ms for ${workMs} ms`)
  }
})

test('ticks are not judged: a moment says nothing about who is busy', (t) => {
  const moment = paceAfter(0.3, 0.6)
  t.is(moment(20).restMs, 0)
  t.true(moment(1000).restMs > 0)
  t.true(moment(20).restMs > 0, 'what was found out lasts')
})
