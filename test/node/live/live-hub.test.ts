import test from 'ava'
import { openLiveHub } from '../../../node/live/live-hub.ts'
import { sampleId } from '../../helpers/sample-stream.ts'

test('viewers get what is published after they came; the first and the last are told', (t) => {
  const hub = openLiveHub()
  const id = sampleId()
  const told: string[] = []
  const stopTelling = hub.onWatched((recording, stream, on) =>
    told.push(`${recording === id} ${stream} ${on}`),
  )
  const seen: string[] = []
  const listen = (name: string) =>
    hub.subscribe(id, 'cast', {
      bytes: (offset, bytes) => seen.push(`${name} ${offset}+${bytes.length}`),
      state: ({ state, sizeBytes }) => seen.push(`${name} ${state} ${sizeBytes}`),
    })
  t.is(hub.current(id, 'cast'), undefined)
  hub.state(id, 'cast', { state: 'live', sizeBytes: 5 })
  hub.publish(id, 'cast', 5, new Uint8Array(2))
  t.is(hub.current(id, 'cast')?.sizeBytes, 7)
  const a = listen('a')
  const b = listen('b')
  hub.publish(id, 'cast', 7, new Uint8Array(1))
  hub.publish(id, 'rfb', 0, new Uint8Array(1))
  a()
  a()
  t.true(hub.watched(id, 'cast'))
  hub.state(id, 'cast', { state: 'complete', sizeBytes: 8 })
  b()
  t.false(hub.watched(id, 'cast'))
  t.deepEqual(told, ['true cast true', 'true cast false'])
  t.deepEqual(seen, ['a 7+1', 'b 7+1', 'b complete 8'])
  t.is(hub.current(id, 'cast'), undefined)
  stopTelling()
  listen('c')
  t.is(told.length, 2)
})
