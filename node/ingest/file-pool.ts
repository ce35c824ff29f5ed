import type { DurableFile } from '../../disk/durable-file.ts'

/** Keeps the files open that were used last; between two uses everything in them is synced, so closing loses nothing. */
export class FilePool {
  readonly #filesMax: number
  readonly #open = new Map<string, DurableFile>()
  readonly #busy = new Set<string>()

  /** `filesMax` descriptors stay open at most, beside those in use. */
  constructor(filesMax: number) {
    this.#filesMax = filesMax
  }

  /** Work on one key is done one after the other by its caller. After an error the file is closed and forgotten. */
  async use<T>(
    key: string,
    open: () => Promise<DurableFile>,
    work: (file: DurableFile) => Promise<T>,
  ): Promise<T> {
    this.#busy.add(key)
    try {
      const file = this.#open.get(key) ?? (await open())
      this.#open.delete(key)
      this.#open.set(key, file)
      return await work(file)
    } catch (error) {
      await this.close(key)
      throw error
    } finally {
      this.#busy.delete(key)
      this.#closeOldest()
    }
  }

  async close(key: string): Promise<void> {
    const file = this.#open.get(key)
    this.#open.delete(key)
    // An error of close after an error of write says nothing new; without one, all was synced before.
    await file?.close().catch(() => undefined)
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#open.keys()].map((key) => this.close(key)))
  }

  #closeOldest(): void {
    if (this.#open.size <= this.#filesMax) return
    for (const key of this.#open.keys()) {
      if (this.#busy.has(key)) continue
      void this.close(key)
      if (this.#open.size <= this.#filesMax) return
    }
  }
}
