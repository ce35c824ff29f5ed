import { setTimeout as sleep } from 'node:timers/promises'
import type { Farm } from './farm.ts'
import { checkWhole, startFarmSession } from './farm-session.ts'
import type { Fault } from './faults.ts'
import { type Stalls, stallsOf } from './stalls.ts'

// One round: sessions print on all hosts while something fails at random moments; then nothing may be missing or there
// twice. How long recorded commands waited for their terminals is for the caller to judge.

export interface RoundOptions {
  /** Names the sessions: no two rounds of one farm may have the same. */
  number: number
  sessions: number
  /** Sessions last so long, or up to a third longer. */
  seconds: number
  /** Pauses between bursts; 1 is some 500 kB a second. */
  slower: number
  faults: readonly Fault[]
  random: () => number
}

export interface RoundResult {
  /** What the farm has of it. */
  bytes: number
  recorded: Stalls
  bare: Stalls
}

/** Beside the recorded ones run as many bare ones as tell what this machine's load does to a terminal. */
const bareShare = 0.2

const sessionsMax = 1000

export async function farmRound(farm: Farm, options: RoundOptions): Promise<RoundResult> {
  const { number, seconds, slower, faults, random } = options
  const start = (seed: number, record?: (...command: string[]) => string[]) =>
    startFarmSession({
      folder: farm.memory,
      seed,
      seconds: seconds * (1 + random() / 3),
      slower,
      ...(record && { record }),
    })
  // Of one length, so that none is the beginning of another.
  const first = (100 + number) * sessionsMax
  const recorded = Array.from({ length: options.sessions }, (_, i) =>
    start(first + i, farm.hosts[i % farm.hosts.length]!.recordCommand),
  )
  const bare = Array.from({ length: Math.ceil(options.sessions * bareShare) }, (_, i) =>
    start(first + options.sessions + i),
  )
  try {
    await Promise.all(
      faults.map(async (fault) => {
        await sleep((0.1 + random() * 0.5) * seconds * 1000)
        await fault(farm, random)
      }),
    )
    await Promise.all([...recorded, ...bare].map(({ exit }) => exit))
    const stalls = { recorded: await stallsOf(recorded), bare: await stallsOf(bare) }
    const rows = await Promise.all(recorded.map((session) => checkWhole(farm, session)))
    return { bytes: rows.reduce((sum, row) => sum + row.bytes, 0), ...stalls }
  } finally {
    for (const session of [...recorded, ...bare]) session.kill()
  }
}
