import { Worker } from 'node:worker_threads'
import { openMac } from '../../codec/mac.ts'
import type { IndexBlock } from '../../format/index-block.ts'
import type { IndexTable } from '../../format/index-records.ts'
import type { StreamName } from '../../format/records.ts'
import type { Store } from '../store/store.ts'
import type { StorePlace } from '../store/store-place.ts'
import type { DrawnImage, DrawRequest, IndexReply, IndexRequest, IndexWorkerData } from './index-messages.ts'
import { IndexTables } from './index-tables.ts'
import { readIndexBlock, readPoster } from './read-index.ts'

// The node's side of its indexer. The thread is started when there is something to do; one that recorded bytes have hung or
// killed is replaced, and that recording is left alone until the node starts again.

/** A frame is drawn within a second; a thread that is not back by then hangs. */
const guardedMsMax = 60_000
/** A heap of this size holds the emulators and tables of all open recordings several times over. */
const heapMbMax = 768
/** What failed, and what has no end though it should, is not made again sooner, however often it is looked at. */
const againMs = 600_000
/** A thread that ended of itself, so that nobody knows of which recording, is started again after this. */
const restartMs = 30_000
/** Screens that wait to be drawn; a wall has fewer. */
const drawsMax = 200
/** Who looks at a list sees recordings without an index; this many of them are made in a row. */
const buildsMax = 1000

export interface IndexerOptions extends IndexWorkerData {
  store: Store
  failed(recording: string, error: { code: string; text: string }): void
}

export interface Indexer {
  /** Never throws, waits for nothing. */
  sealed(recording: string, stream: StreamName, bytes: number): void
  /** Nothing more is sealed of it here. */
  ended(recording: string): void
  /** `again`: from the beginning. False when too many wait. */
  build(recording: string, again: boolean): boolean
  /** Waiting or being made, or why the last try failed. */
  state(recording: string): 'waits' | 'idle' | { code: string; text: string }
  /** `undefined` where there is none. Rejects with StoreError. */
  table(place: StorePlace): Promise<IndexTable | undefined>
  /** As `read-index.ts` has them. */
  block(place: StorePlace, at: number): Promise<IndexBlock | undefined>
  poster(place: StorePlace): Promise<IndexBlock | undefined>
  /** A terminal's newest screen; `undefined` when it cannot be drawn now. */
  draw(draw: DrawRequest): Promise<DrawnImage | undefined>
  close(): Promise<void>
}

interface Rest {
  untilMs: number
  error?: { code: string; text: string }
}

export function openIndexer(options: IndexerOptions): Indexer {
  const { store, failed, ...data } = options
  const mac = openMac(data.macKey)
  const tables = new IndexTables(store, mac)
  const told = new Map<string, number>()
  const builds = new Map<string, 'waits' | Rest>()
  const bad = new Set<string>()
  const draws = new Map<number, { recording: string; done(image: DrawnImage | undefined): void }>()
  let worker: Worker | undefined
  let guarded: string | undefined
  let timer: NodeJS.Timeout | undefined
  let drawId = 0
  let closed: (() => void) | undefined

  const send = (request: IndexRequest) => {
    worker ??= start()
    worker.postMessage(request)
  }

  function start(): Worker {
    const started = new Worker(new URL('./index-worker.ts', import.meta.url), {
      workerData: data,
      resourceLimits: { maxOldGenerationSizeMb: heapMbMax },
    })
    let reason = 'Its thread ended.'
    started.on('message', take)
    started.on('error', (error: Error) => {
      reason = error.message
    })
    started.on('exit', () => gone(reason))
    started.unref()
    return started
  }

  function take(reply: IndexReply): void {
    if (reply.type === 'guarded') guard(reply.recording)
    else if (reply.type === 'trouble') failed(reply.recording, reply)
    else if (reply.type === 'built') {
      const { recording, done, error } = reply
      if (done) builds.delete(recording)
      else builds.set(recording, { untilMs: Date.now() + againMs, ...(error && { error }) })
      if (error) failed(recording, error)
    } else if (reply.type === 'drawn') {
      draws.get(reply.id)?.done(reply.image)
      draws.delete(reply.id)
    } else closed?.()
  }

  function guard(recording: string | undefined): void {
    guarded = recording
    clearTimeout(timer)
    timer = recording === undefined ? undefined : setTimeout(() => worker?.terminate(), guardedMsMax).unref()
  }

  // What it was working on did this; what waited is sent again.
  function gone(reason: string): void {
    worker = undefined
    clearTimeout(timer)
    for (const { done } of draws.values()) done(undefined)
    draws.clear()
    told.clear()
    if (guarded !== undefined) {
      const error = { code: 'index-failed', text: `Drawing it ended the indexer: ${reason}` }
      bad.add(guarded)
      builds.set(guarded, { untilMs: Number.POSITIVE_INFINITY, error })
      failed(guarded, error)
    }
    const known = guarded !== undefined
    guarded = undefined
    closed?.()
    if (!closed) setTimeout(sendAgain, known ? 0 : restartMs).unref()
  }

  function sendAgain(): void {
    if (closed) return
    for (const [recording, state] of builds)
      if (state === 'waits') send({ type: 'build', recording, again: false })
  }

  // What of it is over is forgotten, so that nothing grows.
  function restOf(recording: string): 'waits' | Rest | undefined {
    const state = builds.get(recording)
    if (typeof state !== 'object' || state.untilMs > Date.now()) return state
    builds.delete(recording)
    return undefined
  }

  return {
    sealed(recording, stream, bytes) {
      const key = `${recording}/${stream}`
      if (bytes <= (told.get(key) ?? 0) || bad.has(recording)) return
      told.set(key, bytes)
      if (builds.get(recording) !== 'waits') builds.delete(recording)
      send({ type: 'sealed', recording, stream, bytes })
    },
    ended(recording) {
      for (const stream of ['cast', 'rfb']) told.delete(`${recording}/${stream}`)
    },
    build(recording, again) {
      if (bad.has(recording)) return true
      const waiting = [...builds.values()].filter((state) => state === 'waits').length
      if (waiting >= buildsMax) return false
      if (!again && restOf(recording) !== undefined) return true
      builds.set(recording, 'waits')
      send({ type: 'build', recording, again })
      return true
    },
    state(recording) {
      const state = restOf(recording)
      return state === 'waits' ? state : (state?.error ?? 'idle')
    },
    table: (place) => tables.read(place),
    block: (place, at) => readIndexBlock(store, place, mac, at),
    poster: (place) => readPoster(store, place, mac),
    draw(draw) {
      if (draws.size >= drawsMax || bad.has(draw.recording)) return Promise.resolve(undefined)
      const id = ++drawId
      return new Promise((done) => {
        draws.set(id, { recording: draw.recording, done })
        send({ type: 'draw', id, draw })
      })
    },
    async close() {
      if (!worker) return
      const ended = new Promise<void>((resolve) => {
        closed = resolve
      })
      worker.ref()
      worker.postMessage({ type: 'close' } satisfies IndexRequest)
      const late = setTimeout(() => worker?.terminate(), guardedMsMax).unref()
      await ended
      clearTimeout(late)
    },
  }
}
