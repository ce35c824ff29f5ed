import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from './client.ts'
import { CommandError } from './command-error.ts'

export interface ReindexOptions {
  all?: boolean
  json?: boolean
}

interface Reindexed {
  id: string
  /** `ready`, or why not. */
  state: string
}

/** A small index is made at once; a gigabyte takes a minute. */
const askMs = { first: 100, most: 2000 }

/** Makes indexes anew, one after the other. Says so at the end where one could not be made. */
export async function reindex(client: Client, ids: string[], options: ReindexOptions): Promise<void> {
  if (options.all ? ids.length > 0 : ids.length === 0)
    throw new CommandError('ids', 'Which recordings?', 'Give their ids, or --all.', 2)
  const wanted = options.all ? await endedRecordings(client) : ids
  const done: Reindexed[] = []
  for (const [i, id] of wanted.entries()) {
    const progress = `${i + 1} of ${wanted.length}  ${id}`
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${progress}`)
    await client.call('POST', `/api/recordings/${id}/index`)
    done.push({ id, state: await madeState(client, id) })
  }
  if (process.stderr.isTTY && wanted.length > 0) process.stderr.write('\r\u001b[K')
  const failed = done.filter(({ state }) => state !== 'ready')
  if (options.json) process.stdout.write(`${JSON.stringify(done)}\n`)
  else process.stdout.write(`${done.length - failed.length} of ${done.length} indexed\n`)
  if (failed.length > 0)
    throw new CommandError(
      'reindex',
      `No index of ${failed.map(({ id, state }) => `${id} (${state})`).join(', ')}.`,
      "The node's log says why.",
    )
}

async function madeState(client: Client, id: string): Promise<string> {
  for (let waitMs = askMs.first; ; waitMs = Math.min(waitMs * 1.5, askMs.most)) {
    const { state } = await client.call<{ state: string }>('GET', `/api/recordings/${id}/index`)
    if (state !== 'waits') return state
    await sleep(waitMs)
  }
}

async function endedRecordings(client: Client): Promise<string[]> {
  const ids: string[] = []
  let after = ''
  do {
    const page = await client.call<{ recordings: { id: string }[]; next?: string }>(
      'GET',
      `/api/recordings?state=complete,dormant&limit=200&after=${encodeURIComponent(after)}`,
    )
    ids.push(...page.recordings.map(({ id }) => id))
    after = page.next ?? ''
  } while (after !== '')
  return ids
}
