import { StoreError, storeErrorOf } from './store-error.ts'

export interface StoreFolderStatus {
  path: string
  /** Absent when it is no store now. */
  store?: string
  /** Absent when all is well, else why not. */
  error?: { code: string; text: string; hint: string }
}

/** A folder that does not answer in this time cannot be used now. Less than a node's readiness waits, so that it can say why. */
const answerMsMax = 1_500

/** Looks at folders that may hang: at each with one call at a time, so that a dead share does not take all threads. */
export class FolderChecks {
  readonly #look: (path: string) => Promise<string>
  readonly #running = new Map<string, Promise<StoreFolderStatus>>()

  /** `look` resolves with the id of the folder's store. */
  constructor(look: (path: string) => Promise<string>) {
    this.#look = look
  }

  async look(path: string): Promise<StoreFolderStatus> {
    const running = this.#running.get(path) ?? this.#start(path)
    const late = Promise.withResolvers<StoreFolderStatus>()
    const timer = setTimeout(() => late.resolve(failed(path, slow(path))), answerMsMax)
    try {
      return await Promise.race([running, late.promise])
    } finally {
      clearTimeout(timer)
    }
  }

  #start(path: string): Promise<StoreFolderStatus> {
    const running = this.#look(path)
      .then(
        (store) => ({ path, store }),
        (error) => failed(path, storeErrorOf(error, `look at ${path}`)),
      )
      .finally(() => this.#running.delete(path))
    this.#running.set(path, running)
    return running
  }
}

function failed(path: string, { code, message, hint }: StoreError): StoreFolderStatus {
  return { path, error: { code, text: message, hint } }
}

function slow(path: string): StoreError {
  return new StoreError(
    'store-slow',
    `${path} has not answered for ${answerMsMax / 1000} s.`,
    'Look at the share and its server; agents keep what they send.',
  )
}
