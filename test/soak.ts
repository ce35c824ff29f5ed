import { rmSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { farmSoak } from './farm/soak.ts'
import {
  type AgentFault,
  agentKilled,
  agentRestarted,
  agentRound,
  agentUpgraded,
} from './helpers/agent-rounds.ts'
import { eventually } from './helpers/eventually.ts'
import {
  type Fault,
  faultRound,
  freezing,
  killing,
  networkCut,
  type Place,
  recorderRound,
  storeFull,
  storeReadOnly,
} from './helpers/faults.ts'
import { canMakeNamespaces, type Namespaces, openNamespaces } from './helpers/namespaces.ts'
import { pick, seededRandom, seedOfRun } from './helpers/random.ts'
import { openRecordedFarm } from './helpers/recorded-farm.ts'
import { noTestHosts } from './helpers/test-host.ts'
import { type Listed, removeHome, startUp } from './helpers/up.ts'

// npm run soak — a hundred rounds of random faults on the whole product. Each round two sessions are recorded while one
// or two things fail; then every byte must be in the farm, once and proven. Then, on a host that records every login, the
// agent ends and comes back under fifty sessions. Ends with 1 and how to repeat it, or with 0.
// With --farm the same on a whole farm (farm/soak.ts), by default 30 rounds.

const { values } = parseArgs({
  options: {
    farm: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    minutes: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(seedOfRun()) },
    /** One round alone. */
    round: { type: 'string' },
    /** Rounds of a whole host. */
    'host-rounds': { type: 'string', default: '20' },
  },
})
const rounds = values.rounds === undefined ? (values.farm ? 30 : 100) : numberOf('rounds')
const minutes = numberOf('minutes')
const seed = numberOf('seed')
const storeMiB = 512
const hostSessions = 50

// Of each group at most one fault at a time.
const programFaults: Record<string, Fault> = {
  'agent killed': killing('agent'),
  'node killed': killing('node'),
  'node and agent killed': killing('node', 'agent'),
  'node frozen': freezing('node'),
  'agent frozen': freezing('agent'),
}
const placeFaults: Record<string, Fault> = {
  'network cut': networkCut,
  'store full': storeFull,
  'store read-only': storeReadOnly,
}

if (values.farm) {
  const round = values.round === undefined ? undefined : numberOf('round')
  process.exit(await farmSoak({ rounds, minutes, seed, ...(round !== undefined && { round }) }))
}
if (!canMakeNamespaces()) {
  console.error('soak: needs root: it cuts a network and fills a store, both of its own.')
  process.exit(2)
}
const home = await mkdtemp(join(tmpdir(), 'tapedeck-soak-'))
const inside = await openNamespaces('mount', 'net')
// Everything else ends with us.
process.once('SIGINT', () => {
  rmSync(home, { recursive: true, force: true })
  process.exit(130)
})
let place: Place | undefined
try {
  place = await open(inside, home)
  process.exitCode = (await soak(place)) || (values.round === undefined ? await hostSoak() : 0)
} catch (error) {
  console.error(error)
  process.exitCode = 1
} finally {
  await place?.up.stop()
  inside.close()
  await eventually(() => removeHome(home))
}
process.exit()

function numberOf(name: 'host-rounds' | 'rounds' | 'minutes' | 'seed' | 'round'): number {
  const value = Number(values[name])
  if (values[name] !== '' && value >= 0) return value
  console.error(`soak: --${name}: expected a number, got ${values[name]}.`)
  process.exit(2)
}

async function open(inside: Namespaces, home: string): Promise<Place> {
  const store = join(home, 'node', 'recordings')
  await mkdir(store, { recursive: true, mode: 0o700 })
  await inside.run('mount', '-t', 'tmpfs', '-o', `size=${storeMiB}m,mode=700`, 'tmpfs', store)
  return { up: await startUp({ home, within: inside.within }), inside, store }
}

async function soak(place: Place): Promise<number> {
  const endMs = Date.now() + minutes * 60_000
  const numbers =
    values.round === undefined ? Array.from({ length: rounds }, (_, i) => i) : [numberOf('round')]
  console.log(`soak: ${numbers.length} rounds, at most ${minutes} minutes, --seed ${seed}`)
  let sessions = 0
  for (const number of numbers) {
    if (Date.now() > endMs) {
      console.error(`soak: ${number} of ${rounds} rounds passed in ${minutes} minutes; the rest was not run.`)
      return 1
    }
    const startedMs = Date.now()
    const random = seededRandom(seed + number * 7919)
    const names = random() < 0.15 ? ['recorder killed'] : choose(random)
    process.stdout.write(`${String(number).padStart(4)}  ${names.join(' + ').padEnd(40)} `)
    try {
      if (names[0] === 'recorder killed') await recorderRound(place.up, number, random)
      else
        await faultRound(
          place,
          number,
          random,
          names.map((name) => ({ ...programFaults, ...placeFaults })[name]!),
        )
      sessions += 2
      await nothingIsLeft(place, sessions)
    } catch (error) {
      console.log('FAILED')
      return await failed(number, error as Error)
    }
    console.log(`whole, ${((Date.now() - startedMs) / 1000).toFixed(1)} s`)
  }
  console.log(`soak: ${numbers.length} rounds, ${sessions} sessions: nothing lost, nothing twice.`)
  return 0
}

/** Kill, restart and upgrade by turns. */
async function hostSoak(): Promise<number> {
  const reason = noTestHosts()
  const count = numberOf('host-rounds')
  if (count === 0 || reason) {
    if (reason) console.log(`soak: no rounds of a host: ${reason}`)
    return 0
  }
  const faults: [string, AgentFault][] = [
    ['agent killed', agentKilled],
    ['agent restarted', agentRestarted],
    ['agent upgraded', agentUpgraded],
  ]
  const removes: (() => Promise<void>)[] = []
  try {
    const farm = await openRecordedFarm({ teardown: (remove) => removes.push(remove) })
    for (let number = 0; number < count; number++) {
      const [name, fault] = faults[number % faults.length]!
      const startedMs = Date.now()
      process.stdout.write(
        `${String(number).padStart(4)}  ${`${name} under ${hostSessions} sessions`.padEnd(40)} `,
      )
      await agentRound(farm, number, hostSessions, [fault])
      console.log(`whole, ${((Date.now() - startedMs) / 1000).toFixed(1)} s`)
    }
    console.log(`soak: ${count} rounds of a host: no session noticed, nothing lost.`)
    return 0
  } catch (error) {
    console.error(`FAILED\n\nsoak: ${(error as Error).message}\n  Again: npm run soak -- --rounds 0`)
    return 1
  } finally {
    for (const remove of removes) await remove()
  }
}

function choose(random: () => number): string[] {
  const program = pick(random, Object.keys(programFaults))
  const other = pick(random, Object.keys(placeFaults))
  return pick(random, [[program], [other], [program, other]])
}

/** After a round the queue is empty, and the farm has one recording of each session. */
async function nothingIsLeft({ up }: Place, sessions: number): Promise<void> {
  await eventually(async () => {
    const { queue } = await up.json<{ queue: { bytes: number; messages: number } }>('status')
    const left = await readdir(join(up.home, 'agent', 'run'))
    if (queue.messages > 0 || left.length > 0)
      throw new Error(`Left on the host: ${JSON.stringify({ queue, sessions: left })}`)
  })
  const rows = await up.json<Listed[]>('list', '--limit', '10000')
  const bad = rows.filter(({ state, gaps, proof }) => state !== 'complete' || gaps > 0 || proof !== 'sealed')
  if (rows.length !== sessions || bad.length > 0)
    throw new Error(`${rows.length} recordings of ${sessions} sessions; not whole: ${JSON.stringify(bad)}`)
}

async function failed(number: number, error: Error): Promise<number> {
  const kept = join(tmpdir(), `tapedeck-soak-failed-${seed}-${number}`)
  await cp(inside.path(home), kept, { recursive: true, filter: (path) => !path.endsWith('.sock') })
  console.error(`\nsoak: round ${number} failed: ${error.message}`)
  console.error(`  What the farm and the host had is in ${kept}.`)
  console.error(`  Again: npm run soak -- --seed ${seed} --round ${number}`)
  console.error(`  or, from the first round on: npm run soak -- --seed ${seed}`)
  return 1
}
