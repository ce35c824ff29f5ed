import { rmSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Farm, noFarm, startFarm } from './farm.ts'
import { faults } from './faults.ts'
import { farmMap } from './map.ts'
import { startSample } from './sample.ts'

// npm run farm [-- --nodes 3 --hosts 10 --workers 2 --tls passed|encrypted] — a whole farm for a person to play with, until Ctrl-C.

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '3' },
    hosts: { type: 'string', default: '10' },
    workers: { type: 'string', default: '2' },
    tls: { type: 'string', default: 'passed' },
  },
})
/** Addresses of the farm's network leave room for so many. */
const countMax = { nodes: 9, hosts: 99, workers: 16 }

const lacking = noFarm()
if (lacking !== undefined) {
  console.error(
    `farm: ${lacking}. Debian's packages are in ${fileURLToPath(new URL('../provision', import.meta.url))}.`,
  )
  process.exit(2)
}
const counts = { nodes: count('nodes', 1), hosts: count('hosts', 0), workers: count('workers', 1) }

const { tls } = values
if (tls !== 'passed' && tls !== 'encrypted') {
  console.error(`farm: --tls: expected passed or encrypted, got ${tls}.`)
  process.exit(2)
}

const stopped = Promise.withResolvers<void>()
let isStopped = false
let farm: Farm | undefined
const stop = () => {
  // Programs and machines end with us; what they wrote is removed in any case.
  if (isStopped) {
    for (const path of farm ? [farm.folder, farm.memory] : []) rmSync(path, { recursive: true, force: true })
    process.exit(130)
  }
  isStopped = true
  console.log('\nfarm: stopping; Ctrl-C again stops at once.')
  stopped.resolve()
}
process.on('SIGINT', stop)
process.on('SIGTERM', stop)

const since = performance.now()
const tell = (what: string) => {
  if (isStopped) throw new Error('Stopped while it was starting.')
  console.log(`${((performance.now() - since) / 1000).toFixed(1).padStart(6)} s  ${what}`)
}
try {
  farm = await startFarm({ ...counts, tls, tell })
  tell('all of it runs')
  await show(farm)
  await stopped.promise
} catch (error) {
  if (!isStopped) console.error(`farm: ${(error as Error).message}`)
  process.exitCode = isStopped ? 0 : 1
} finally {
  await farm?.close()
}
process.exit()

function count(name: keyof typeof countMax, least: number): number {
  const value = Number(values[name])
  if (values[name] !== '' && Number.isInteger(value) && value >= least && value <= countMax[name])
    return value
  console.error(
    `farm: --${name}: expected a whole number from ${least} to ${countMax[name]}, got ${values[name]}.`,
  )
  process.exit(2)
}

async function show(farm: Farm): Promise<void> {
  const { json } = await farm.ask('/api/session/tickets', { method: 'POST', body: {} })
  const names = Object.keys(faults)
  console.log(farmMap(farm, String(json.url), names))
  for (const host of farm.hosts.slice(0, 3)) startSample(host)
  let running = Promise.resolve()
  createInterface({ input: process.stdin }).on('line', (line) => {
    const name = names[Number(line) - 1]
    if (line.trim() === '') return
    if (name === undefined)
      return console.log(`farm: expected a number from 1 to ${names.length}, got ${line}.`)
    running = running.then(() => breakIt(farm, name))
  })
}

async function breakIt(farm: Farm, name: string): Promise<void> {
  const from = performance.now()
  const seconds = () => `${((performance.now() - from) / 1000).toFixed(1)} s`
  console.log(`farm: ${name} …`)
  try {
    await faults[name]!(farm, Math.random)
    console.log(`farm: done after ${seconds()}`)
    await farm.settled()
    console.log(`farm: all nodes are up and all agents connected after ${seconds()}`)
  } catch (error) {
    console.error(`farm: ${(error as Error).message}`)
  }
}
