import { readFileSync } from 'node:fs'
import type { RecordedSession } from './session-file.ts'

// Files of /proc are read at once: nothing waits for a disk there, and every quiet session asks once a second.

let boot: string | undefined

/** The kernel's id of this boot. */
export function bootId(): string {
  boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  return boot
}

/** Whether the recorder still runs: same pid, same start (proc(5), field 22), same boot. */
export function recorderAlive(session: RecordedSession): boolean {
  if (session.boot !== bootId()) return false
  try {
    const stat = readFileSync(`/proc/${session.pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(') ') + 2).split(' ')
    // A zombie has written its last byte.
    return fields[19] === session.ticks && fields[0] !== 'Z' && fields[0] !== 'X'
  } catch {
    return false
  }
}
