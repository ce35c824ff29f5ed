import test from 'ava'
import { keysOf } from '../../appliance/keys.ts'

test('keys that come together are told apart, in every spelling', (t) => {
  t.deepEqual(keysOf('\u001b[C\u001bOD\u001b[1;5C '), [
    { kind: 'step', seconds: 5 },
    { kind: 'step', seconds: -5 },
    { kind: 'step', seconds: 30 },
    { kind: 'pause' },
  ])
  const homes = ['\u001b[H', '\u001bOH', '\u001b[1~', '\u001b[7~']
  t.deepEqual(
    keysOf(homes.join('')),
    homes.map(() => ({ kind: 'start' })),
  )
})

test('what is no key does nothing', (t) => {
  t.deepEqual(keysOf('\u001b[200~xyz\u001b[?1;2c\u001b\u0000żółć'), [])
})
