import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { eventually } from '../helpers/eventually.ts'
import { seededRandom, seedOfRun } from '../helpers/random.ts'
import { run } from '../helpers/up.ts'
import { noFarm, startFarm } from './farm.ts'
import { farmRound } from './fault-round.ts'
import { faults } from './faults.ts'
import { inWords } from './stalls.ts'

// Two rounds of what `npm run soak -- --farm` does in many.

const killed = [
  'node killed',
  'worker killed',
  'balancer killed',
  'agent killed',
  'Redis killed',
  'PostgreSQL killed, its standby takes over',
]
const others = [
  'share cut and back',
  'node cut off, running on',
  'node drained, back',
  'workers replaced',
  'balancers reloaded',
]

const reason = noFarm()
const onFarm = reason ? test.skip : test.serial
if (reason) test.skip(`farm: ${reason}`, () => undefined)

onFarm('whatever dies, is cut off or replaced, a farm has every byte, once and proven', async (t) => {
  t.timeout(300_000)
  const seed = seedOfRun()
  t.log(`TAPEDECK_SEED=${seed}`)
  const farm = await startFarm({ hosts: 4 })
  try {
    for (const [number, names] of [killed, others].entries()) {
      const { bytes, recorded, bare } = await farmRound(farm, {
        ...{ number, sessions: 12, seconds: 10, slower: 20 },
        faults: names.map((name) => faults[name]!),
        random: seededRandom(seed + number),
      })
      t.true(bytes > 0)
      t.log(`${names.join(' + ')}: ${inWords(recorded)}; bare: ${inWords(bare)}`)
    }
    await farm.settled()
  } finally {
    await farm.close()
  }
  await nothingIsLeft([farm.folder, farm.memory], farm.machines[0]!.address)
})

onFarm(
  'npm run farm shows where everything is, breaks what it is told to, and leaves nothing behind',
  async (t) => {
    t.timeout(120_000)
    const main = fileURLToPath(new URL('main.ts', import.meta.url))
    const few = ['--nodes', '1', '--hosts', '1', '--workers', '1']
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...few])
    t.teardown(() => child.kill('SIGKILL'))
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk))
    const says = (what: RegExp) =>
      eventually(() => {
        const found = what.exec(said)
        if (!found || child.exitCode !== null) throw new Error(`No ${what} in: ${said}`)
        return found[0]
      })
    const folder = await says(/\/\S*\/tapedeck-farm-\w+/)
    const address = await says(/10\.83\.\d+\.11\b/)
    t.truthy(await says(/https:\S+\/sign-in#ticket=\S+/))
    const number = await says(/\d+ {2}Redis killed/)
    child.stdin.write(`${parseInt(number, 10)}\n`)
    await says(/all agents connected after/)
    child.kill('SIGINT')
    const [status] = await once(child, 'exit')
    t.is(status, 0, said)
    await nothingIsLeft([folder], address)
  },
)

/** A network takes a moment to go; its programs have gone with it. */
function nothingIsLeft(folders: string[], address: string): Promise<void> {
  return eventually(async () => {
    const processes = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(commandOf)
      .filter((command) => folders.some((folder) => command.includes(folder)))
    const { stdout } = await run('ip', ['-brief', 'address'])
    const network = ` ${address.replace(/\d+$/, '')}`
    const cables = stdout.toString().split('\n')
    const left = [
      ...processes,
      ...cables.filter((line) => line.includes(network)),
      ...folders.filter((folder) => existsSync(folder)),
    ]
    if (left.length > 0) throw new Error(`Left behind: ${left.join('\n')}`)
  })
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    // It has ended meanwhile.
    return ''
  }
}
