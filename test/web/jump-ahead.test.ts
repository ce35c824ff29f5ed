import test from 'ava'
import { jumpAhead } from '../../web/player/jump-ahead.ts'
import { segmentOf } from '../../web/player/segment.ts'

const second = 1_000_000
const gap = (fromS: number, toS: number) =>
  segmentOf({ kind: 'gap', offset: 0, size: 0, startUs: fromS * second, endUs: toS * second, sealed: true })
const playing = { segments: [], speed: 1, skipIdle: false, nextUs: undefined, endUs: 100 * second }

test('idle time is passed over only when wanted, up to just before the next output', (t) => {
  const ahead = { ...playing, nextUs: 60 * second }
  t.is(jumpAhead(10 * second, ahead), 10 * second)
  t.is(jumpAhead(10 * second, { ...ahead, skipIdle: true }), 59.7 * second)
  t.is(jumpAhead(59.8 * second, { ...ahead, skipIdle: true }), 59.8 * second)
  t.is(
    jumpAhead(10 * second, { ...ahead, skipIdle: true, nextUs: 11.9 * second }),
    10 * second,
    'a short rest',
  )
})

test('after the last output comes the end, and in a live session nothing', (t) => {
  t.is(jumpAhead(10 * second, { ...playing, skipIdle: true }), 100 * second)
  t.is(jumpAhead(10 * second, { ...playing, skipIdle: true, endUs: undefined }), 10 * second)
})

test('a gap is shown for two seconds of the clock, at any speed, then passed', (t) => {
  const ahead = { ...playing, segments: [gap(20, 80)] }
  t.is(jumpAhead(21 * second, ahead), 21 * second)
  t.is(jumpAhead(22 * second, ahead), 80 * second)
  t.is(jumpAhead(25 * second, { ...ahead, speed: 4 }), 25 * second)
  t.is(jumpAhead(28 * second, { ...ahead, speed: 4 }), 80 * second)
})

test('skipping idle time does not skip a gap', (t) => {
  const ahead = { ...playing, segments: [gap(20, 80)], skipIdle: true, nextUs: 90 * second }
  t.is(jumpAhead(10 * second, ahead), 20 * second)
  t.is(jumpAhead(80 * second, ahead), 89.7 * second)
})
