import type { ProducingSession } from './farm-session.ts'

// Whether recorded commands waited for their terminals. On a farm hosts have processors of their own; here they share them
// with every server and with whatever else runs. Then the kernel's own work between the two ends of a terminal comes late
// (tried: the command waits, `script` sits in poll), for a bare command as for a recorded one. So both are counted, and the
// recorded ones may not be worse than the bare ones let expect.

/** What a recorded command may wait for its terminal. */
export const stallMsMax = 50

/** So many times what the fewer bare commands show is still the machine's doing… */
const chance = 4
/** …and where they show nothing, this part of all writes. A server that holds up sessions holds up all of them. */
const shareMax = 0.002

export interface Stalls {
  writes: number
  /** Writes that took longer than they may. */
  count: number
  worstMs: number
}

export async function stallsOf(sessions: readonly ProducingSession[]): Promise<Stalls> {
  const waits = (await Promise.all(sessions.map((session) => session.waits()))).flat()
  return {
    writes: waits.length,
    count: waits.filter((wait) => wait > stallMsMax).length,
    worstMs: waits.reduce((worst, wait) => Math.max(worst, wait), 0),
  }
}

/** What is wrong, in words; `undefined` when nothing is. */
export function tooManyStalls(recorded: Stalls, bare: Stalls): string | undefined {
  const countMax = recorded.writes * Math.max(shareMax, (chance * bare.count) / bare.writes)
  const worstMsMax = chance * Math.max(stallMsMax, bare.worstMs)
  if (recorded.count <= countMax && recorded.worstMs <= worstMsMax) return undefined
  return `Recorded commands waited for their terminals: ${inWords(recorded)}; bare ones: ${inWords(bare)}.`
}

export function inWords({ writes, count, worstMs }: Stalls): string {
  return `${count} of ${writes} writes above ${stallMsMax} ms, the longest ${worstMs.toFixed(0)} ms`
}
