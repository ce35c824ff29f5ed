import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** What the name service said is asked for again after this: sessions of one user follow each other. */
const keptMs = 60_000
const kept = new Map<string, { name: string; untilMs: number }>()

/** Names of groups by their numbers, in their order; the number of one that has none. A name service is asked only for what is not in /etc/group. */
export async function groupNames(gids: readonly string[]): Promise<string[]> {
  const names = namesIn(await readFile('/etc/group', 'utf8').catch(() => ''))
  const nowMs = performance.now()
  for (const [gid, { untilMs }] of kept) if (untilMs < nowMs) kept.delete(gid)
  const unknown = gids.filter((gid) => !names.has(gid) && !kept.has(gid))
  if (unknown.length > 0) {
    const { stdout } = await run('getent', ['group', ...unknown], { timeout: 1000 }).catch(
      (error: { stdout?: string }) => ({ stdout: error.stdout ?? '' }),
    )
    const found = namesIn(stdout)
    for (const gid of unknown) kept.set(gid, { name: found.get(gid) ?? gid, untilMs: nowMs + keptMs })
  }
  return gids.map((gid) => names.get(gid) ?? kept.get(gid)?.name ?? gid)
}

function namesIn(text: string): Map<string, string> {
  const fields = text.split('\n').map((line) => line.split(':'))
  return new Map(fields.map(([name = '', , gid = '']) => [gid, name]))
}
