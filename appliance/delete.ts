import { createInterface } from 'node:readline/promises'
import type { Client } from './client.ts'
import { CommandError } from './command-error.ts'
import { duration, escapeControls, localTime } from './print.ts'
import type { RecordingRow } from './recording-row.ts'

/** Deletes recordings for good, after asking unless `force`. */
export async function deleteRecordings(
  client: Client,
  ids: string[],
  options: { force?: boolean; json?: boolean },
): Promise<void> {
  for (const id of ids) {
    const path = `/api/recordings/${encodeURIComponent(id)}`
    const row = await client.call<RecordingRow>('GET', path)
    const what = `${row.user} on ${row.host}, ${localTime(row.start)}, ${duration(row.durationMs)}`
    if (
      !options.force &&
      !(await agreed(`Delete the recording of ${escapeControls(what)}? It cannot be undone. [y/N] `))
    )
      continue
    await client.call('DELETE', path)
    process.stdout.write(
      options.json
        ? `${JSON.stringify({ id, deleted: true })}\n`
        : `Deleted ${id} (${escapeControls(what)}).\n`,
    )
  }
}

async function agreed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new CommandError('confirm', 'Nobody is there to be asked.', 'Use --force in scripts.', 2)
  const asker = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await asker.question(question)).trim())
  } finally {
    asker.close()
  }
}
