import type { Worker } from 'node:cluster'
import type { FastifyBaseLogger } from 'fastify'
import type { MetricObject } from 'prom-client'
import { isBusMessage } from '../bus/cluster-bus.ts'
import { type FromWorker, ours, type ToWorker } from './messages.ts'

// The primary of a node with several workers. It hands connections to them (node:cluster), passes on what they say to each
// other, starts again what died and ends what hangs. It touches no recording.
//
//   slot:  starting ── ready ──▶ serving ── exits, or is silent ──▶ starting
//                                        └─ replaced by a ready one ──▶ stopping ──▶ gone

export interface PrimaryOptions {
  workers: number
  log: FastifyBaseLogger
  /** Starts the worker of a slot, 0 and up. */
  fork(index: number): Worker
  times?: Partial<typeof defaultTimes>
}

const defaultTimes = {
  /** A worker that is silent so long hangs: a full garbage collection or a slow disk takes a second or two. */
  silentMs: 10_000,
  /** Migrating a large catalog takes minutes. */
  readyMs: 600_000,
  /** What has come is synced in `drainMs` of ingest's limits; the rest is closing. */
  stopMs: 30_000,
  /** A worker that dies again and again is started after this, doubling. */
  againMsMin: 250,
  againMsMax: 30_000,
}

export interface NodeAddress {
  url: string
  port: number
  ports: Record<string, number>
}

export interface Primary {
  /** As the first worker said it. */
  readonly address: NodeAddress
  /** Replaces the workers one by one; the node serves all the time. Rejects, with the rest as it was, when a new one does not get ready. */
  restart(): Promise<void>
  close(): Promise<void>
}

interface Slot {
  index: number
  worker: Worker
  startedMs: number
  heardMs: number
  deaths: number
}

/** Resolves when all workers serve. Rejects when the first one cannot: it has said why. */
export async function startPrimary({ workers, log, fork, times }: PrimaryOptions): Promise<Primary> {
  const { silentMs, readyMs, stopMs, againMsMin, againMsMax } = { ...defaultTimes, ...times }
  const slots = new Map<number, Slot>()
  const all = new Set<Worker>()
  const accepted = new Map<Worker, number>()
  const metrics = new Map<Worker, MetricObject[]>()
  /** Of workers that are gone: the node's count does not fall. */
  let acceptedBefore = 0
  let closing = false
  let address: NodeAddress | undefined

  const send = (worker: Worker, message: ToWorker) => {
    if (worker.isConnected()) worker.send(message, undefined, undefined, () => undefined)
  }
  const onMessage = (worker: Worker, message: unknown) => {
    if (isBusMessage(message)) {
      for (const other of all) if (other !== worker) send(other, message)
      return
    }
    const said = ours<FromWorker>(message)
    if (said?.kind === 'alive') {
      for (const slot of slots.values()) if (slot.worker === worker) slot.heardMs = performance.now()
      accepted.set(worker, said.acceptedBytes)
      metrics.set(worker, said.metrics)
      const acceptedBytes = [...accepted.values()].reduce((sum, bytes) => sum + bytes, acceptedBefore)
      send(worker, { kind: 'node', acceptedBytes })
    }
    if (said?.kind === 'metrics')
      send(worker, { kind: 'metrics', number: said.number, ofWorkers: [...metrics.values()] })
  }

  /** Resolves when it serves. */
  const start = async (index: number): Promise<Worker> => {
    const worker = fork(index)
    all.add(worker)
    worker.on('message', (message) => onMessage(worker, message))
    worker.once('exit', () => {
      all.delete(worker)
      metrics.delete(worker)
      acceptedBefore += accepted.get(worker) ?? 0
      accepted.delete(worker)
    })
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const onReady = (message: unknown) => {
      const said = ours<FromWorker>(message)
      if (said?.kind !== 'ready') return
      address ??= { url: said.url, port: said.port, ports: said.ports }
      resolve()
    }
    const onExit = () => reject(new Error(`Worker ${index} ended before it was ready.`))
    const late = setTimeout(() => {
      worker.process.kill('SIGKILL')
      reject(new Error(`Worker ${index} was not ready in ${readyMs / 1000} s.`))
    }, readyMs)
    worker.on('message', onReady).once('exit', onExit)
    try {
      await promise
    } finally {
      clearTimeout(late)
      worker.off('message', onReady).off('exit', onExit)
    }
    return worker
  }

  /** Resolves when the one before, if there still is one, has gone. */
  const serve = (index: number, worker: Worker, deaths: number): Promise<void> => {
    const startedMs = performance.now()
    const slot: Slot = { index, worker, startedMs, heardMs: startedMs, deaths }
    const before = slots.get(index)
    slots.set(index, slot)
    const died = (status: number | null, signal: string | null) => {
      if (closing || slots.get(index) !== slot) return
      slots.delete(index)
      const livedMs = performance.now() - startedMs
      log.error({ code: 'worker-died', worker: index, status, signal }, 'A worker died; another one starts.')
      void startAgain(index, livedMs > againMsMax ? 0 : slot.deaths)
    }
    if (worker.isDead()) died(worker.process.exitCode, worker.process.signalCode)
    else worker.once('exit', died)
    return before ? stop(before.worker) : Promise.resolve()
  }
  const startAgain = async (index: number, deaths: number) => {
    await new Promise((resolve) => setTimeout(resolve, Math.min(againMsMax, againMsMin * 2 ** deaths)))
    if (closing) return
    try {
      void serve(index, await start(index), deaths + 1)
      log.info({ code: 'worker-started', worker: index }, 'A worker serves.')
    } catch (err) {
      log.error({ code: 'worker-failed', worker: index, err }, 'A worker could not start; it is tried again.')
      if (!closing) void startAgain(index, deaths + 1)
    }
  }
  const stop = async (worker: Worker) => {
    const gone = new Promise((resolve) => worker.once('exit', resolve))
    if (worker.isDead()) return
    send(worker, { kind: 'stop' })
    const late = setTimeout(() => worker.process.kill('SIGKILL'), stopMs)
    await gone
    clearTimeout(late)
  }

  const watch = setInterval(() => {
    for (const { index, worker, heardMs } of slots.values()) {
      if (performance.now() - heardMs < silentMs) continue
      log.error({ code: 'worker-hangs', worker: index, silentMs }, 'A worker hangs and is ended.')
      worker.process.kill('SIGKILL')
    }
  }, silentMs / 10)

  const restart = async () => {
    for (const index of [...slots.keys()]) {
      if (closing) return
      await serve(index, await start(index), 0)
      log.info({ code: 'worker-restarted', worker: index }, 'A worker was replaced.')
    }
  }
  const close = async () => {
    closing = true
    clearInterval(watch)
    await Promise.all([...all].map(stop))
  }

  try {
    // The first one makes what is made once: keys, the catalog's tables, the marks of the stores.
    void serve(0, await start(0), 0)
    const others = Array.from({ length: workers - 1 }, (_, i) => i + 1)
    await Promise.all(others.map(async (index) => void serve(index, await start(index), 0)))
  } catch (error) {
    await close()
    throw error
  }
  let restarting: Promise<void> = Promise.resolve()
  return {
    address: address!,
    restart() {
      restarting = restarting.catch(() => undefined).then(restart)
      return restarting
    },
    close,
  }
}
