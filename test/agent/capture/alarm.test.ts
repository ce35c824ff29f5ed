import test from 'ava'
import { Alarm } from '../../../agent/capture/alarm.ts'

const forever = 1e9

test('a ring ends the wait, also one that came before it, and only one', async (t) => {
  const alarm = new Alarm()
  const waiting = alarm.wait(forever)
  alarm.ring()
  await waiting
  alarm.ring()
  alarm.ring()
  await alarm.wait(forever)
  let ended = false
  const third = alarm.wait(forever).then(() => {
    ended = true
  })
  await new Promise(setImmediate)
  t.false(ended)
  alarm.ring()
  await third
  t.true(ended)
})

test('without a ring the time ends it', async (t) => {
  await new Alarm().wait(1)
  t.pass()
})
