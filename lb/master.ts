import { setTimeout as sleep } from 'node:timers/promises'
import { askSocket } from './command-socket.ts'
import { LbError } from './lb-error.ts'

// HAProxy's master process: starts a worker with a new configuration, then tells the old one to finish. It keeps the old
// one when the new one cannot start. `reload` on its socket does what the signal USR2 does, and the same socket then tells
// how it went, which the signal does not.

export interface Processes {
  /** Reloads since the master started. */
  reloads: number
  /** Of those, the newest that failed in a row. */
  failed: number
  /** The one that takes connections, and whether it runs the newest configuration. */
  worker?: { pid: number; isNewest: boolean }
  /** Finishing their connections. */
  old: number[]
}

/** Binding tries for a second; reading many certificates takes some. */
const reloadMs = 15_000
const pollMs = 50

export async function showProcesses(masterSocket: string): Promise<Processes> {
  return parseProcesses(await askSocket(masterSocket, 'show proc'))
}

export function parseProcesses(answer: string): Processes {
  const master = /^\d+\s+master\s+(\d+)(?: \[failed: (\d+)\])?/m.exec(answer)
  if (!master)
    throw new LbError(
      'lb-master',
      `This is no master of HAProxy: ${answer.slice(0, 80)}`,
      'Name the socket that `haproxy -W -S` was given, with --master-socket.',
    )
  const processes: Processes = { reloads: Number(master[1]), failed: Number(master[2] ?? 0), old: [] }
  let part = ''
  for (const line of answer.split('\n')) {
    if (line.startsWith('# ')) part = line.slice(2).trim()
    const worker = /^(\d+)\s+worker\s+(\d+)/.exec(line)
    if (!worker) continue
    const pid = Number(worker[1])
    if (part === 'workers') processes.worker = { pid, isNewest: worker[2] === '0' }
    else if (part === 'old workers') processes.old.push(pid)
  }
  return processes
}

/** True when a new worker runs, false when the old one stayed. Throws LbError when the master is gone. */
export async function reload(masterSocket: string): Promise<boolean> {
  const before = await showProcesses(masterSocket)
  // The master replaces itself too, and may cut this very connection.
  await askSocket(masterSocket, 'reload').catch(() => '')
  const endMs = Date.now() + reloadMs
  for (;;) {
    await sleep(pollMs)
    const now = await showProcesses(masterSocket).catch((error: LbError) => error)
    if (now instanceof LbError) {
      if (Date.now() > endMs) throw now
    } else if (now.reloads > before.reloads) {
      if (now.failed > 0) return false
      if (now.worker?.isNewest && now.worker.pid !== before.worker?.pid) return true
      if (Date.now() > endMs) return false
    } else if (Date.now() > endMs) return false
  }
}
