import { readdir, readFile } from 'node:fs/promises'
import { eventually } from './eventually.ts'

/** Command lines of the processes that have `text` in theirs. */
export async function processesWith(text: string): Promise<string[]> {
  const found: string[] = []
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue
    const command = (await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ')
    if (command.includes(text)) found.push(`${name} ${command}`)
  }
  return found
}

/** Waits until no process has `text` in its command line. */
export function allGone(text: string): Promise<void> {
  return eventually(async () => {
    const left = await processesWith(text)
    if (left.length > 0) throw new Error(`Still running: ${left.join('; ')}`)
  })
}
