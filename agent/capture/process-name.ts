import { readFileSync } from 'node:fs'

// Files of /proc are read at once: nothing waits for a disk there, and every quiet session asks once a second.

/** A process, named for good: pids are used again. */
export interface ProcessName {
  pid: number
  /** When it started, in clock ticks. */
  ticks: string
  /** The kernel's boot id. */
  boot: string
}

let boot: string | undefined

/** The kernel's id of this boot. */
export function bootId(): string {
  boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  return boot
}

/** `undefined` when there is no such process. */
export function nameProcess(pid: number): ProcessName | undefined {
  const fields = statOf(pid)
  return fields && { pid, ticks: fields[19]!, boot: bootId() }
}

/** Whether it still runs: same pid, same start (proc(5), field 22), same boot. */
export function processAlive({ pid, ticks, boot }: ProcessName): boolean {
  if (boot !== bootId()) return false
  const fields = statOf(pid)
  // A zombie has written its last byte.
  return fields !== undefined && fields[19] === ticks && fields[0] !== 'Z' && fields[0] !== 'X'
}

// From field 3, the state, on.
function statOf(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(') ') + 2).split(' ')
  } catch {
    return undefined
  }
}
