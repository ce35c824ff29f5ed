import type { StreamName } from '../../format/records.ts'
import { StoreError } from '../store/store-error.ts'
import { IndexJob } from './index-job.ts'
import type { IndexTools } from './index-tools.ts'

// Recordings take turns, a frame each. What is sealed of a session that runs is known bit by bit; what nobody writes is
// known at once.

/** Kept between two frames, most of all what was read: an agent's sessions are looked at again every few seconds. A file each. */
const jobsMax = 4096
/** Of these so many keep an emulator, too, some MB; others make theirs from the last picture. */
const drawingMax = 64
/** A recording whose index failed is left alone so long: its store is full or away, which others told of already. */
const retryMs = 30_000
/** A share that hangs must not hold up the recordings of others for ever. */
export const callMsMax = 60_000

interface Wanted {
  sealed: Map<StreamName, number>
  build?: { again: boolean }
}

export interface IndexQueueEvents {
  /** `done`: it has the end of the recording. */
  built(recording: string, done: boolean, error?: { code: string; text: string }): void
  trouble(recording: string, error: { code: string; text: string }): void
}

export class IndexQueue {
  readonly #tools: IndexTools
  readonly #events: IndexQueueEvents
  readonly #wanted = new Map<string, Wanted>()
  readonly #jobs = new Map<string, IndexJob>()
  readonly #drawing = new Set<IndexJob>()
  readonly #notBeforeMs = new Map<string, number>()

  constructor(tools: IndexTools, events: IndexQueueEvents) {
    this.#tools = tools
    this.#events = events
  }

  get isEmpty(): boolean {
    return this.#wanted.size === 0
  }

  sealed(recording: string, stream: StreamName, bytes: number): void {
    this.#want(recording).sealed.set(stream, bytes)
  }

  build(recording: string, again: boolean): void {
    const wanted = this.#want(recording)
    wanted.build = { again: again || (wanted.build?.again ?? false) }
  }

  /** One frame of the recording whose turn it is. Never rejects. */
  async turn(): Promise<void> {
    const [recording, wanted] = this.#wanted.entries().next().value ?? []
    if (recording === undefined || !wanted) return
    this.#wanted.delete(recording)
    const waits = Date.now() < (this.#notBeforeMs.get(recording) ?? 0) && !wanted.build
    if (waits) return
    try {
      await within(callMsMax, () => this.#work(recording, wanted))
    } catch (error) {
      await this.#failed(recording, wanted, error)
    }
  }

  async close(): Promise<void> {
    for (const recording of [...this.#jobs.keys()]) await this.#closeJob(recording)
  }

  async #work(recording: string, wanted: Wanted): Promise<void> {
    if (wanted.build?.again) await this.#closeJob(recording)
    const job = await this.#job(recording, wanted.build?.again ?? false)
    if (wanted.build) wanted.build.again = false
    for (const [stream, bytes] of await this.#known(recording, wanted)) job.know(stream, bytes)
    if (await job.step()) {
      // Behind the others, and with what was wanted meanwhile.
      const { build, sealed } = this.#want(recording)
      for (const [stream, bytes] of wanted.sealed) if (!sealed.has(stream)) sealed.set(stream, bytes)
      if (wanted.build && !build) this.build(recording, false)
      return
    }
    this.#notBeforeMs.delete(recording)
    if (wanted.build && !job.done) await job.addPoster()
    if (wanted.build || job.done) await this.#closeJob(recording)
    if (wanted.build) this.#events.built(recording, job.done)
  }

  async #known(recording: string, wanted: Wanted): Promise<[StreamName, number][]> {
    if (!wanted.build) return [...wanted.sealed]
    const place = await this.#tools.store.place(recording)
    const sizes: [StreamName, number][] = []
    for (const stream of ['cast', 'rfb'] as const) {
      const size = await this.#tools.store.size(place, stream)
      if (size !== undefined) sizes.push([stream, size])
    }
    return sizes
  }

  async #job(recording: string, again: boolean): Promise<IndexJob> {
    const known = this.#jobs.get(recording)
    if (known) {
      this.#jobs.delete(recording)
      this.#jobs.set(recording, known)
      await this.#draws(known)
      return known
    }
    const [oldest] = this.#jobs.values()
    if (oldest && this.#jobs.size >= jobsMax) {
      await this.#rest(oldest)
      await this.#closeJob(oldest.recording)
    }
    const job = await IndexJob.open(this.#tools, recording, again)
    // Another was opened while this one hung.
    await this.#closeJob(recording)
    this.#jobs.set(recording, job)
    await this.#draws(job)
    return job
  }

  async #draws(job: IndexJob): Promise<void> {
    this.#drawing.delete(job)
    this.#drawing.add(job)
    const [oldest] = this.#drawing
    if (!oldest || this.#drawing.size <= drawingMax) return
    await this.#rest(oldest)
  }

  async #rest(job: IndexJob): Promise<void> {
    this.#drawing.delete(job)
    // Its own next turn says why not.
    await job.rest().catch(() => this.#closeJob(job.recording))
  }

  async #failed(recording: string, wanted: Wanted, error: unknown): Promise<void> {
    this.#notBeforeMs.set(recording, Date.now() + retryMs)
    // One that hangs would not be closed either.
    void this.#closeJob(recording).catch(() => undefined)
    const { code = 'index', message } = error as StoreError
    const told = { code: error instanceof StoreError ? code : 'index', text: message }
    if (wanted.build) this.#events.built(recording, false, told)
    else this.#events.trouble(recording, told)
  }

  async #closeJob(recording: string): Promise<void> {
    const job = this.#jobs.get(recording)
    this.#jobs.delete(recording)
    if (job) this.#drawing.delete(job)
    await job?.close()
  }

  #want(recording: string): Wanted {
    const wanted: Wanted = this.#wanted.get(recording) ?? { sealed: new Map() }
    this.#wanted.set(recording, wanted)
    return wanted
  }
}

export async function within<T>(ms: number, work: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const error = new StoreError('store-slow', 'The store has not answered.', 'Look at the disk or share.')
    timer = setTimeout(() => reject(error), ms)
  })
  try {
    return await Promise.race([work(), late])
  } finally {
    clearTimeout(timer)
  }
}
