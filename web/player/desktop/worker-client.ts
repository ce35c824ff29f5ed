import { ApiError } from '../../api/api-error.ts'
import type { Drawn, DrawRequest, FromWorker, Lane, ToWorker } from './messages.ts'

/** Stored bytes for a frame that is drawn, at least one. Rejects with ApiError. */
export type Bytes = (frame: DrawRequest['frame'], from: number, lane: Lane) => Promise<Uint8Array>

interface Waiting {
  request: DrawRequest
  resolve(drawn: Drawn): void
  reject(error: unknown): void
}

/** The worker that paints, as calls. */
export class WorkerClient {
  readonly #worker = new Worker(new URL('./screen-worker.ts', import.meta.url), { type: 'module' })
  readonly #bytes: Bytes
  readonly #waiting = new Map<number, Waiting>()
  #last = 0

  constructor(bytes: Bytes) {
    this.#bytes = bytes
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#told(data)
    this.#worker.onerror = (event) => {
      event.preventDefault()
      const error = new ApiError(0, 'screen-worker', 'What paints the desktop has stopped.', event.message)
      for (const id of this.#waiting.keys()) this.#fail(id, error)
    }
  }

  /** Rejects with ApiError. */
  draw(request: Omit<DrawRequest, 'kind' | 'id'>): Promise<Drawn> {
    this.#last += 1
    const sent: DrawRequest = { kind: 'draw', id: this.#last, ...request }
    return new Promise((resolve, reject) => {
      this.#waiting.set(sent.id, { request: sent, resolve, reject })
      this.#tell(sent)
    })
  }

  /** Gives a paint's memory back. */
  spare(pixels: ArrayBuffer): void {
    this.#tell({ kind: 'spare', pixels }, [pixels])
  }

  close(): void {
    this.#worker.terminate()
    this.#waiting.clear()
  }

  #told(message: FromWorker): void {
    const waiting = this.#waiting.get(message.kind === 'pull' ? message.draw : message.id)
    if (message.kind === 'pull') this.#pull(message.id, message.from, waiting)
    else if (message.kind === 'failed')
      this.#fail(message.id, new ApiError(0, 'screen-worker', 'The desktop cannot be painted.', message.text))
    else {
      this.#waiting.delete(message.id)
      waiting?.resolve(message.drawn)
    }
  }

  async #pull(id: number, from: number, waiting: Waiting | undefined): Promise<void> {
    try {
      if (!waiting) throw new Error('Nobody waits for this.')
      const bytes = await this.#bytes(waiting.request.frame, from, waiting.request.lane)
      this.#tell({ kind: 'bytes', id, bytes })
    } catch (error) {
      // Who asked is told why, and then the worker that there is nothing.
      if (waiting) this.#fail(waiting.request.id, error)
      this.#tell({ kind: 'bytes', id })
    }
  }

  #fail(id: number, error: unknown): void {
    this.#waiting.get(id)?.reject(error)
    this.#waiting.delete(id)
  }

  #tell(message: ToWorker, transfer: Transferable[] = []): void {
    this.#worker.postMessage(message, transfer)
  }
}
