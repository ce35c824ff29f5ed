import { EventEmitter } from 'node:events'
import test from 'ava'
import { type BusMessage, openClusterBus, type WorkerChannel } from '../../../node/bus/cluster-bus.ts'
import { busContract } from '../../contract/bus.ts'

test('workers: the contract of a bus', async (t) => {
  // The primary's part: what one worker says goes to all others, as structured clones.
  const workers: EventEmitter[] = []
  const channel = (): WorkerChannel => {
    const worker = new EventEmitter()
    workers.push(worker)
    return Object.assign(worker, {
      send(message: BusMessage) {
        const copy = structuredClone(message)
        setImmediate(() => {
          for (const other of workers) if (other !== worker) other.emit('message', copy)
        })
        return true
      },
    })
  }
  await busContract(t, [openClusterBus(channel()), openClusterBus(channel()), openClusterBus(channel())])
})
