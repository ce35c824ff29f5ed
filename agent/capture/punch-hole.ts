import { execFile } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { SourcePosition } from '../../format/records.ts'
import { logFolders } from './log-files.ts'

const run = promisify(execFile)

/** A process costs 4 to 7 ms, in which nothing else is recorded: it is started for this much and more… */
export const punchBytesMin = 1024 * 1024
/** …and at most this often, unless a flood takes a good part of the logs' memory meanwhile. */
const everyMs = 1000
const floodBytes = 16 * 1024 * 1024
/** A system that cannot do it is asked again after this. */
const failedMs = 60_000
const pageBytes = 4096

/** Frees logs that nobody will read, of a recorder that goes on writing. */
export async function punchWhole(dir: string): Promise<void> {
  const folders = logFolders(dir)
  for (const name of ['out', 'timing'] as const) {
    const path = join(folders[name], name)
    const { size, blocks } = await stat(path)
    if (blocks * 512 >= punchBytesMin) await punchFile(path, 0, size)
  }
}

/** Gives the memory of consumed logs back to the system: what lies durably in the queue. */
export class LogPuncher {
  readonly #folders: ReturnType<typeof logFolders>
  readonly #punched = { out: 0, timing: 0 }
  readonly #failed: (error: Error) => void
  #running: Promise<void> | undefined
  #quietUntilMs = 0
  #isFull = false

  /** `failed` is told why it cannot be done. */
  constructor(dir: string, failed: (error: Error) => void) {
    this.#folders = logFolders(dir)
    this.#failed = failed
  }

  /** Below `to`, in the background, when it is worth a process. */
  punch(to: SourcePosition, nowMs: number): void {
    const bytesMin = nowMs < this.#quietUntilMs ? floodBytes : punchBytesMin
    this.#punchFrom(this.#isFull ? 1 : bytesMin, to, nowMs)
  }

  /** The logs' memory was full: whatever there is. */
  punchAll(to: SourcePosition, nowMs: number): void {
    // Also when another is under way, which knew of less.
    this.#isFull = true
    this.punch(to, nowMs)
  }

  #punchFrom(bytesMin: number, to: SourcePosition, nowMs: number): void {
    const wants = (['out', 'timing'] as const).filter((name) => to[name] - this.#punched[name] >= bytesMin)
    if (wants.length === 0 || this.#running) return
    this.#isFull = false
    this.#quietUntilMs = nowMs + everyMs
    this.#running = Promise.all(wants.map((name) => this.#punchFile(name, to[name])))
      .then(
        () => undefined,
        (error: Error) => {
          this.#quietUntilMs = nowMs + failedMs
          this.#failed(error)
        },
      )
      .finally(() => {
        this.#running = undefined
      })
  }

  async close(): Promise<void> {
    await this.#running
  }

  async #punchFile(name: 'out' | 'timing', to: number): Promise<void> {
    this.#punched[name] = await punchFile(join(this.#folders[name], name), this.#punched[name], to)
  }
}

// Whole pages only; what is left of the last one is punched next time. Resolves with where they end.
export async function punchFile(path: string, from: number, to: number): Promise<number> {
  const end = Math.floor(to / pageBytes) * pageBytes
  if (end <= from) return from
  await run('fallocate', ['--punch-hole', '--offset', String(from), '--length', String(end - from), path])
  return end
}
