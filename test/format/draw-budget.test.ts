import test from 'ava'
import { DrawBudget } from '../../format/draw-budget.ts'

function budget() {
  let nowMs = 0
  const made = new DrawBudget(() => nowMs)
  const draw = (characters: number, tookMs: number) => {
    nowMs += tookMs
    made.take(characters, tookMs)
  }
  const wait = (ms: number) => {
    nowMs += ms
  }
  return { made, draw, wait }
}

test('ordinary output never spends it, however much comes and however busy the machine is', (t) => {
  const { made, draw } = budget()
  // Twenty times as slow as on an idle machine, for a gigabyte.
  for (let i = 0; i < 10_000; i++) draw(100_000, 200)
  t.false(made.spent)
})

test('output that costs a thousand times as much is left out after a while, and not for ever', (t) => {
  const { made, draw, wait } = budget()
  let spentMs = 0
  while (!made.spent && spentMs < 100_000) {
    draw(1000, 100)
    spentMs += 100
  }
  t.true(spentMs >= 10_000 && spentMs < 40_000, `${spentMs} ms`)
  wait(20_000)
  t.false(made.spent)
})
