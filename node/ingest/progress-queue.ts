/** Passes on the newest state of what changed, once in `everyMs`: the catalog takes one transaction a second. */
export class ProgressQueue<T> {
  readonly #everyMs: number
  readonly #tell: (item: T) => void
  readonly #changed = new Set<T>()
  #timer: NodeJS.Timeout | undefined

  constructor(everyMs: number, tell: (item: T) => void) {
    this.#everyMs = everyMs
    this.#tell = tell
  }

  note(item: T): void {
    this.#changed.add(item)
    this.#timer ??= setTimeout(() => this.flush(), this.#everyMs)
  }

  forget(item: T): void {
    this.#changed.delete(item)
  }

  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const changed = [...this.#changed]
    this.#changed.clear()
    for (const item of changed) this.#tell(item)
  }
}
