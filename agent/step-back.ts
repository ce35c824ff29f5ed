import { readFileSync, writeFileSync } from 'node:fs'
import { setPriority } from 'node:os'

/**
 * Lets others have the processor first. Where the kernel shares it out by session (autogroup, on in Debian), niceness counts
 * within one session alone: the session gets it too, if it is this process's own, as a service's is.
 */
export function stepBack(niceness: number): void {
  setPriority(niceness)
  try {
    if (leadsSession()) writeFileSync('/proc/self/autogroup', String(niceness))
  } catch {
    // A kernel without it, or one that is asked too often.
  }
}

function leadsSession(): boolean {
  const stat = readFileSync('/proc/self/stat', 'utf8')
  // Behind the command's name: state, parent, process group, session (proc(5)).
  const session = stat.slice(stat.lastIndexOf(') ') + 2).split(' ')[3]
  return Number(session) === process.pid
}
