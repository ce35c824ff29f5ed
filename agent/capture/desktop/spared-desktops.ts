import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { replaceFile } from '../../../disk/atomic-replace.ts'

// `desktops.json` in the agent's folder: desktops whose recording was deleted in the farm while it ran. They go on
// unrecorded until their X server ends, also under the next agent.

export class SparedDesktops {
  readonly #path: string
  #keys = new Set<string>()

  constructor(home: string) {
    this.#path = join(home, 'desktops.json')
  }

  async load(): Promise<void> {
    try {
      this.#keys = new Set(JSON.parse(await readFile(this.#path, 'utf8')) as string[])
    } catch (error) {
      // What cannot be read is recorded.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' && !(error instanceof SyntaxError)) throw error
    }
  }

  has(key: string): boolean {
    return this.#keys.has(key)
  }

  async add(key: string): Promise<void> {
    this.#keys.add(key)
    await this.#save()
  }

  /** Forgets those that are gone. */
  async keep(keys: ReadonlySet<string>): Promise<void> {
    const kept = this.#keys.intersection(keys)
    if (kept.size === this.#keys.size) return
    this.#keys = kept
    await this.#save()
  }

  async #save(): Promise<void> {
    await replaceFile(this.#path, JSON.stringify([...this.#keys]))
  }
}
