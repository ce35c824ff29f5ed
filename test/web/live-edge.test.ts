import test from 'ava'
import { LiveEdge } from '../../web/player/live-edge.ts'

const second = 1_000_000

test('what is heard of corrects the guess, also back', (t) => {
  const edge = new LiveEdge()
  edge.guess(60 * second)
  t.true(edge.now() >= 60 * second)
  edge.heard(50 * second)
  t.true(edge.now() >= 50 * second && edge.now() < 55 * second)
})

test('what took longer to come does not move it back, what came sooner moves it on', (t) => {
  const edge = new LiveEdge()
  edge.guess(0)
  edge.heard(50 * second)
  edge.heard(40 * second)
  t.true(edge.now() >= 50 * second)
  edge.heard(70 * second)
  t.true(edge.now() >= 70 * second)
})
