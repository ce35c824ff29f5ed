import { mkdir, readFile, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { replaceFile } from '../../disk/atomic-replace.ts'

/** Changes to a host, each with how to take it back, so that one that fails leaves the host as it was. */
export class UndoList {
  readonly #steps: (() => Promise<void>)[] = []

  add(undo: () => Promise<void>): void {
    this.#steps.push(undo)
  }

  /** Puts a file in place, for everybody or for root, and remembers what was there. */
  async replace(path: string, content: string, mode: number): Promise<void> {
    const before = await contentOf(path)
    const modeBefore = before === undefined ? mode : (await stat(path)).mode & 0o777
    if (before === content && modeBefore === mode) return
    const made = await mkdir(dirname(path), { recursive: true, mode: 0o755 })
    if (made) this.add(() => rm(made, { recursive: true, force: true }))
    this.add(() => (before === undefined ? rm(path, { force: true }) : replaceFile(path, before, modeBefore)))
    await replaceFile(path, content, mode)
  }

  async remove(path: string): Promise<void> {
    const before = await contentOf(path)
    if (before === undefined) return
    const { mode } = await stat(path)
    this.add(() => replaceFile(path, before, mode & 0o777))
    await rm(path)
  }

  /** The last change first. One that cannot be taken back does not keep the others from it; returns what went wrong. */
  async undo(): Promise<Error[]> {
    const errors: Error[] = []
    for (const step of this.#steps.toReversed()) await step().catch((error: Error) => errors.push(error))
    this.#steps.length = 0
    return errors
  }
}

export async function contentOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
