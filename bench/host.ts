import { createHash } from 'node:crypto'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { openRecordedFarm, type RecordedFarm } from '../test/helpers/recorded-farm.ts'
import type { Listed } from '../test/helpers/up.ts'
import type { Figure } from './main.ts'
import { percentile } from './median.ts'
import { cpuSeconds, peakRssMb } from './program-cost.ts'

// Two hundred sessions on one host, with its node beside it, one of them flooding: what the others feel, against the same
// unrecorded; what the agent costs; and whether the others are whole.

const sessions = 200
const seconds = 20
const script = fileURLToPath(new URL('host-sessions.py', import.meta.url))

export async function run({ quick }: { quick: boolean }): Promise<Figure[]> {
  const count = quick ? 20 : sessions
  const removes: (() => Promise<void>)[] = []
  try {
    const farm = await openRecordedFarm({ teardown: (remove) => removes.push(remove) })
    await farm.sh('ulimit -n 4096; mkdir /srv/said')
    const bare = await load(farm, 'eve', count)
    const recorded = await load(farm, 'ada', count)
    const whole = await wholeSessions(farm, count)
    if (whole !== count - 1) throw new Error(`${whole} of ${count - 1} sessions are whole.`)
    const p95 = (of: { echoMs: number[] }) => percentile(of.echoMs, 0.95)
    return [
      {
        key: 'sessions',
        value: count,
        about: `one of them runs \`yes\`; the other ${whole} are whole and proven`,
      },
      {
        key: 'echo_p95_added_ms',
        value: p95(recorded) - p95(bare),
        bar: { atMost: 2 },
        about: `p95 of ${recorded.echoMs.length} echoes ${p95(recorded).toFixed(2)} ms; of ${bare.echoMs.length} unrecorded, flood included, ${p95(bare).toFixed(2)} ms`,
      },
      {
        key: 'agent_rss_mb',
        value: recorded.agentMb,
        bar: { atMost: 350 },
        about: 'agent at its highest',
      },
      {
        key: 'agent_cpu_share',
        value: recorded.agentCpu,
        about: 'of one core, at nice 15, the flood included',
      },
    ]
  } finally {
    for (const remove of removes) await remove()
  }
}

interface Load {
  echoMs: number[]
  agentMb: number
  agentCpu: number
}

async function load(farm: RecordedFarm, user: string, count: number): Promise<Load> {
  const ssh = farm.ssh(user, '-tt', '--')
  const child = farm.start(['python3', script, String(count), String(seconds), `/srv/said/${user}`, ...ssh], {
    stdin: 'pipe',
  })
  let said = ''
  child.stderr!.on('data', (chunk) => {
    said += chunk
  })
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  const next = async () => {
    const { value, done } = await lines.next()
    if (done) throw new Error(`The sessions ended: ${said}`)
    return value as string
  }
  const agent = await agentPid(farm)
  await next()
  const [fromS, fromMs] = [await cpuSeconds(agent), performance.now()]
  await next()
  const agentCpu = ((await cpuSeconds(agent)) - fromS) / ((performance.now() - fromMs) / 1000)
  const echoMs = JSON.parse(await next()) as number[]
  child.stdin!.end()
  await next()
  return { echoMs, agentCpu, agentMb: await peakRssMb(agent) }
}

/** As seen from outside: the host has pids of its own. */
async function agentPid(farm: RecordedFarm): Promise<number> {
  const inside = await farm.agentPid()
  const { stdout } = await farm.run(['cat', `/proc/${inside}/cmdline`])
  if (!stdout.includes('agent/main.ts')) throw new Error('The agent does not run.')
  return farm.outerPid(inside)
}

/** How many of the others have a recording that ends, is proven, and holds what their terminal showed. */
async function wholeSessions(farm: RecordedFarm, count: number): Promise<number> {
  const rows = await farm.complete('stty sane; echo ready-', count - 1, {
    of: ({ command }: Listed) => !command.endsWith('yes'),
    limit: count * 2,
  })
  let whole = 0
  for (const row of rows) {
    const number = /ready-(\d+)/.exec(row.command)![1]
    const shown = (await farm.run(['cat', `/srv/said/ada/${number}`])).stdout
    const output = await farm.stored(row.id)
    const same = digest(shown) === digest(output)
    if (same && row.gaps === 0 && row.proof === 'sealed') whole += 1
    else
      console.error(`not whole: ${row.command}: ${shown.length} bytes shown, ${output.length} recorded`, row)
  }
  return whole
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
