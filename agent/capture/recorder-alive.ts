import { readFile } from 'node:fs/promises'
import type { RecordedSession } from './session-file.ts'

/** Whether the recorder still runs: same pid, same start (proc(5), field 22), same boot. */
export async function recorderAlive(session: RecordedSession): Promise<boolean> {
  if (session.boot !== (await bootId())) return false
  try {
    const stat = await readFile(`/proc/${session.pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(') ') + 2).split(' ')
    // A zombie has written its last byte.
    return fields[19] === session.ticks && fields[0] !== 'Z' && fields[0] !== 'X'
  } catch {
    return false
  }
}

export async function bootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
}
