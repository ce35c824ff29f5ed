import type { MetricObject } from 'prom-client'
import type { WorkerChannel } from '../bus/cluster-bus.ts'
import type { WorkerOf } from '../node.ts'
import { aliveMs, type FromWorker, ours, type ToWorker } from './messages.ts'

export interface WorkerSide extends WorkerOf {
  /** From now on the primary hears that this worker lives, and what it counts. */
  ready(
    node: { url: string; port: number; ports: Record<string, number> },
    counted: () => Promise<{ acceptedBytes: number; metrics: MetricObject[] }>,
  ): void
  /** Called when the primary wants this worker to finish. */
  onStop(stop: () => void): void
}

/** A worker's end of its channel to the primary. */
export function openWorkerSide(
  channel: WorkerChannel & { send(message: FromWorker): boolean },
  index: number,
): WorkerSide {
  let acceptedBytes = 0
  let next = 1
  const waiting = new Map<number, (ofWorkers: MetricObject[][]) => void>()
  let stop: (() => void) | undefined
  let wanted = false
  channel.on('message', (message) => {
    const said = ours<ToWorker>(message)
    if (said?.kind === 'node') acceptedBytes = said.acceptedBytes
    if (said?.kind === 'metrics') waiting.get(said.number)?.(said.ofWorkers)
    if (said?.kind !== 'stop') return
    wanted = true
    stop?.()
  })
  return {
    channel,
    index,
    acceptedBytes: () => acceptedBytes,
    metrics() {
      const number = next++
      const { promise, resolve } = Promise.withResolvers<MetricObject[][]>()
      waiting.set(number, resolve)
      channel.send({ kind: 'metrics', number })
      return promise.finally(() => waiting.delete(number))
    },
    ready({ url, port, ports }, counted) {
      channel.send({ kind: 'ready', url, port, ports })
      const alive = async () => void channel.send({ kind: 'alive', ...(await counted()) })
      setInterval(() => void alive().catch(() => undefined), aliveMs).unref()
    },
    onStop(call) {
      stop = call
      // It was asked to before it was ready.
      if (wanted) call()
    },
  }
}
