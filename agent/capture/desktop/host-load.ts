import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'

/** Threads of this host that want a core at this moment, the asking one apart, for each core it has. */
export async function hostLoadShare(): Promise<number> {
  const runnable = Number(/ (\d+)\//.exec(await readFile('/proc/loadavg', 'utf8'))?.[1] ?? 1)
  return Math.max(0, runnable - 1) / availableParallelism()
}
