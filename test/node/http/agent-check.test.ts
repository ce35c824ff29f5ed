import test from 'ava'
import fc from 'fast-check'
import { openRateMeter, weightPercent } from '../../../node/http/agent-check.ts'

const kib = 1024

test('the weight falls with the bytes a second, and never to nothing', (t) => {
  t.is(weightPercent(0), 100)
  t.is(weightPercent(64 * kib), 80)
  t.is(weightPercent(256 * kib), 50)
  t.is(weightPercent(1024 * kib), 20)
  t.is(weightPercent(8 * 1024 * kib), 3)
  t.is(weightPercent(10 ** 12), 1)
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1e12, noNaN: true }),
      fc.double({ min: 0, max: 1e12, noNaN: true }),
      (a, b) => {
        const [less, more] = a < b ? [a, b] : [b, a]
        return weightPercent(less) >= weightPercent(more)
      },
    ),
  )
})

test('a rate follows the total, whoever asks and how often', (t) => {
  let nowMs = 0
  let total = 0
  const often = openRateMeter(
    () => total,
    () => nowMs,
  )
  const seldom = openRateMeter(
    () => total,
    () => nowMs,
  )
  t.is(often(), 0)
  let last = 0
  for (let s = 1; s <= 60; s++) {
    nowMs += 1000
    total += 500_000
    last = often()
    t.is(often(), last, 'a second balancer that asks at once gets the same')
    if (s % 5 === 0) seldom()
  }
  nowMs += 200
  total += 100_000
  t.true(Math.abs(last - 500_000) < 2_000, String(last))
  t.true(Math.abs(seldom() - 500_000) < 2_000)
  // Ten seconds of silence leave a third.
  for (let s = 0; s < 10; s++) {
    nowMs += 1000
    last = often()
  }
  t.true(last > 150_000 && last < 200_000, String(last))
})
