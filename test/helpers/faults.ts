import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from './eventually.ts'
import { startSession } from './session.ts'
import type { Up } from './up.ts'

// One round: two sessions print while something fails at random moments; then nothing may be missing or there twice.

/** Random moments lie in the life of the longer session and a little behind it. */
const longSeconds = 2.5
const shortSeconds = 0.8

export type Fault = (up: Up, random: () => number) => Promise<void>

/** kill -9, one to three times; `up` starts what was killed again. */
export function killing(...programs: ('node' | 'agent')[]): Fault {
  return async (up, random) => {
    const times = 1 + Math.floor(random() * 3)
    for (let i = 0; i < times; i++) {
      await sleep((random() * (longSeconds + 0.5) * 1000) / times)
      await Promise.all(programs.map((program) => kill(up, program)))
    }
  }
}

async function kill(up: Up, program: 'node' | 'agent'): Promise<void> {
  const pid = await eventually(async () => {
    const { [program]: found } = await up.pids()
    if (found === undefined) throw new Error(`The ${program} was not started again.`)
    return found
  })
  process.kill(pid, 'SIGKILL')
}

export async function faultRound(up: Up, seed: number, random: () => number, fault: Fault): Promise<void> {
  const sessions = [startSession(up, seed, shortSeconds), startSession(up, seed + 1, longSeconds)]
  try {
    await fault(up, random)
    for (const session of sessions) await session.check()
  } finally {
    for (const { pty } of sessions) pty.kill()
  }
}

/** The recorder of one session is killed: that session ends, another one beside it goes on. */
export async function recorderRound(up: Up, seed: number, random: () => number): Promise<void> {
  const victim = startSession(up, seed, 60)
  const other = startSession(up, seed + 1, longSeconds)
  try {
    const pid = await victim.recorderPid()
    await sleep(random() * longSeconds * 1000)
    process.kill(pid, 'SIGKILL')
    await victim.checkTerminated()
    await other.check()
  } finally {
    for (const { pty } of [victim, other]) pty.kill()
  }
}
