import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { ExecutionContext } from 'ava'
import test from 'ava'
import { openClusterBus } from '../../../node/bus/cluster-bus.ts'
import { openQuestions } from '../../../node/bus/questions.ts'
import { openFarmHub } from '../../../node/live/farm-hub.ts'
import { eventually } from '../../helpers/eventually.ts'

const file = Uint8Array.from({ length: 600_000 }, (_, i) => i % 251)

function farm(t: ExecutionContext, count: number) {
  const channels: EventEmitter[] = []
  return Array.from({ length: count }, () => {
    const channel = Object.assign(new EventEmitter(), {
      send(message: unknown) {
        const copy = structuredClone(message)
        setImmediate(() => {
          for (const other of channels) if (other !== channel) other.emit('message', copy)
        })
        return true
      },
    })
    channels.push(channel)
    const bus = openClusterBus(channel)
    const questions = openQuestions(bus)
    const hub = openFarmHub(bus, questions, async (_recording, _stream, from, to) => file.subarray(from, to))
    t.teardown(() => {
      hub.close()
      questions.close()
    })
    return hub
  })
}

test('a viewer elsewhere makes the agent flush, sees what comes and how it ends', async (t) => {
  const [holder, viewer, other] = farm(t, 3)
  const watched: string[] = []
  holder!.onWatched((recording, stream, on) => void watched.push(`${recording} ${stream} ${on}`))
  other!.onWatched(() => t.log('told, and holds nothing'))
  holder!.state('r', 'cast', { state: 'live', sizeBytes: 5 })
  const seen: [number, number[]][] = []
  const states: string[] = []
  const stop = viewer!.subscribe('r', 'cast', {
    bytes: (offset, bytes) => void seen.push([offset, [...bytes]]),
    state: ({ state }) => void states.push(state),
  })
  await eventually(() => assert.deepEqual(watched, ['r cast true']))
  t.true(holder!.watched('r', 'cast'))
  holder!.publish('r', 'cast', 2 ** 33, new Uint8Array([1, 2, 3]))
  holder!.state('r', 'cast', { state: 'complete', sizeBytes: 8 })
  await eventually(() => assert.equal(states.at(-1), 'complete'))
  t.deepEqual(seen, [[2 ** 33, [1, 2, 3]]])
  t.is(viewer!.current('r', 'cast'), undefined)
  stop()
  await eventually(() => assert.deepEqual(watched, ['r cast true', 'r cast false']))
  holder!.publish('r', 'cast', 0, new Uint8Array(9))
  t.is(seen.length, 1)
})

test('viewers at two places: the agent is told of the first and of the last', async (t) => {
  const [holder, viewer] = farm(t, 2)
  const watched: boolean[] = []
  holder!.onWatched((_recording, _stream, on) => void watched.push(on))
  const listener = { bytes() {}, state() {} }
  const stopThere = viewer!.subscribe('r', 'cast', listener)
  await eventually(() => assert.ok(holder!.watched('r', 'cast')))
  const stopHere = holder!.subscribe('r', 'cast', listener)
  stopHere()
  await new Promise((resolve) => setImmediate(resolve))
  t.true(holder!.watched('r', 'cast'))
  stopThere()
  await eventually(() => assert.ok(!holder!.watched('r', 'cast')))
  t.deepEqual(watched, [true, false])
})

test('the holder is asked for a state and for bytes that a share does not show yet', async (t) => {
  const [holder, viewer] = farm(t, 2)
  t.is(await viewer!.elsewhere('r', 'cast'), undefined)
  holder!.state('r', 'cast', { state: 'live', sizeBytes: file.length })
  t.deepEqual(await viewer!.elsewhere('r', 'cast'), { state: 'live', sizeBytes: file.length })
  let at = 100
  while (at < file.length) {
    const bytes = (await viewer!.bytesElsewhere('r', 'cast', at, file.length))!
    t.true(bytes.length > 0 && bytes.length <= 256 * 1024)
    t.deepEqual(Uint8Array.from(bytes), file.slice(at, at + bytes.length))
    at += bytes.length
  }
  holder!.left('r', 'cast')
  t.is(await viewer!.elsewhere('r', 'cast'), undefined)
})
