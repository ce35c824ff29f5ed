import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from './eventually.ts'
import type { Namespaces } from './namespaces.ts'
import { startSession } from './session.ts'
import type { Up } from './up.ts'

// One round: two sessions print while something fails at random moments; then nothing may be missing or there twice.

/** Random moments lie in the life of the longer session and a little behind it. */
const longSeconds = 2.5
const shortSeconds = 0.8
const roundMs = (longSeconds + 0.5) * 1000

/** The product, in a network of its own with its store on a file system of its own, where the fault needs them. */
export interface Place {
  up: Up
  inside: Namespaces
  store: string
}

/** Lets something fail, and ends when it is well again. */
export type Fault<Where = Place> = (where: Where, random: () => number) => Promise<void>

type Program = 'node' | 'agent'

/** kill -9, one to three times; `up` starts what was killed again. */
export function killing(...programs: Program[]): Fault<Pick<Place, 'up'>> {
  return async ({ up }, random) => {
    const times = 1 + Math.floor(random() * 3)
    for (let i = 0; i < times; i++) {
      await sleep((random() * roundMs) / times)
      await Promise.all(programs.map(async (program) => send(await running(up, program), 'SIGKILL')))
    }
  }
}

/** The program stands still for a while, as on a machine that swaps. */
export function freezing(program: Program): Fault<Pick<Place, 'up'>> {
  return async ({ up }, random) => {
    await sleep((random() * roundMs) / 2)
    const pid = await running(up, program)
    send(pid, 'SIGSTOP')
    await sleep(random() * roundMs)
    send(pid, 'SIGCONT')
  }
}

export const networkCut: Fault = ({ inside }, random) =>
  forAWhile(
    random,
    () => inside.run('ip', 'link', 'set', 'lo', 'down'),
    () => inside.run('ip', 'link', 'set', 'lo', 'up'),
  )

export const storeFull: Fault = ({ inside, store }, random) => {
  const ballast = `${store}/ballast`
  return forAWhile(
    random,
    () => inside.run('sh', '-c', `dd if=/dev/zero of=${ballast} bs=64k 2>/dev/null || :`),
    () => inside.run('rm', ballast),
  )
}

/** No file of it may be open for that, so the node goes first. */
export const storeReadOnly: Fault = ({ up, inside, store }, random) =>
  forAWhile(
    random,
    () =>
      eventually(async () => {
        send(await running(up, 'node'), 'SIGKILL')
        await inside.run('mount', '-o', 'remount,ro', store)
      }),
    () => inside.run('mount', '-o', 'remount,rw', store),
  )

async function forAWhile(random: () => number, begin: () => Promise<unknown>, end: () => Promise<unknown>) {
  await sleep((random() * roundMs) / 2)
  await begin()
  await sleep(random() * roundMs)
  await end()
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    // Another fault of this round has killed it.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function running(up: Up, program: Program): Promise<number> {
  return eventually(async () => {
    const { [program]: found } = await up.pids()
    if (found === undefined) throw new Error(`The ${program} was not started again.`)
    return found
  })
}

/** `number` names the sessions: no two rounds of one home may have the same. */
export async function faultRound<Where extends Pick<Place, 'up'>>(
  where: Where,
  number: number,
  random: () => number,
  faults: readonly Fault<Where>[],
): Promise<void> {
  const { up } = where
  const sessions = [startSession(up, 2 * number, shortSeconds), startSession(up, 2 * number + 1, longSeconds)]
  try {
    await Promise.all(faults.map((fault) => fault(where, random)))
    for (const session of sessions) await session.check()
  } finally {
    for (const { pty } of sessions) pty.kill()
  }
}

/** The recorder of one session is killed: that session ends, another one beside it goes on. */
export async function recorderRound(up: Up, number: number, random: () => number): Promise<void> {
  const victim = startSession(up, 2 * number, 60)
  const other = startSession(up, 2 * number + 1, longSeconds)
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
