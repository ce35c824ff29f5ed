import { cp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pick, seededRandom } from '../helpers/random.ts'
import { type Farm, noFarm, startFarm } from './farm.ts'
import { farmRound } from './fault-round.ts'
import { faults } from './faults.ts'
import { inWords, tooManyStalls } from './stalls.ts'

// npm run soak -- --farm — rounds of faults on a whole farm: first each alone, then several at once. In each round 50
// sessions are recorded on 10 hosts; then every byte must be in the farm, once and proven, and the farm be well.

export interface FarmSoakOptions {
  rounds: number
  minutes: number
  seed: number
  /** One round alone. */
  round?: number
}

const sessions = 50
const seconds = 15
/** Some 25 kB a second each. */
const slower = 20
const togetherMax = 4

/** Resolves with the exit status. */
export async function farmSoak({ rounds, minutes, seed, round }: FarmSoakOptions): Promise<number> {
  const lacking = noFarm()
  if (lacking !== undefined) {
    console.error(`soak: ${lacking}.`)
    return 2
  }
  const endMs = Date.now() + minutes * 60_000
  const numbers = round === undefined ? Array.from({ length: rounds }, (_, i) => i) : [round]
  console.log(`soak: ${numbers.length} rounds on a farm, at most ${minutes} minutes, --seed ${seed}`)
  const farm = await startFarm({ tell: (what) => console.log(`      ${what}`) })
  const stop = () => void farm.close().finally(() => process.exit(130))
  process.once('SIGINT', stop)
  try {
    for (const number of numbers) {
      if (Date.now() > endMs) {
        console.error(
          `soak: ${number} of ${rounds} rounds passed in ${minutes} minutes; the rest was not run.`,
        )
        return 1
      }
      if (!(await passes(farm, number, seed))) return 1
    }
    console.log(
      `soak: ${numbers.length} rounds, ${numbers.length * sessions} sessions: nothing lost, nothing twice.`,
    )
    return 0
  } finally {
    process.off('SIGINT', stop)
    await farm.close()
  }
}

async function passes(farm: Farm, number: number, seed: number): Promise<boolean> {
  const startedMs = Date.now()
  const random = seededRandom(seed + number * 7919)
  const names = choose(number, random)
  console.log(`${String(number).padStart(4)}  ${names.join(' + ')}`)
  try {
    const chosen = names.map((name) => faults[name]!)
    const { bytes, recorded, bare } = await farmRound(farm, {
      ...{ number, sessions, seconds, slower, random },
      faults: chosen,
    })
    const wrong = tooManyStalls(recorded, bare)
    if (wrong) throw new Error(wrong)
    await farm.settled()
    const took = ((Date.now() - startedMs) / 1000).toFixed(1)
    console.log(`      whole, ${(bytes / 1e6).toFixed(1)} MB, ${took} s`)
    console.log(`      terminals: ${inWords(recorded)}; bare: ${inWords(bare)}`)
    return true
  } catch (error) {
    const kept = join(tmpdir(), `tapedeck-soak-failed-${seed}-${number}`)
    const filter = (path: string) => !path.endsWith('.sock')
    for (const path of [farm.folder, farm.memory]) await cp(path, kept, { recursive: true, filter })
    console.error(`\nsoak: round ${number} failed: ${(error as Error).message}`)
    console.error(`  What the farm, the hosts and the sessions had is in ${kept}.`)
    console.error(`  Again: npm run soak -- --farm --seed ${seed} --round ${number}`)
    return false
  }
}

function choose(number: number, random: () => number): string[] {
  const names = Object.keys(faults)
  if (number < names.length) return [names[number]!]
  const count = 2 + Math.floor(random() * (togetherMax - 1))
  return [...new Set(Array.from({ length: count }, () => pick(random, names)))]
}
