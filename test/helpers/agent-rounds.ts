import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { RecordedFarm } from './recorded-farm.ts'

// Many sessions of a recorded host go on printing while its agent ends and comes back. None may notice, and each recording
// holds what its terminal showed.

const script = fileURLToPath(new URL('ssh-sessions.py', import.meta.url))

/** What happens to the agent; resolves once it is back. */
export type AgentFault = (farm: RecordedFarm) => Promise<void>

export const agentKilled: AgentFault = async (farm) => {
  await farm.killAgent('SIGKILL')
  await farm.startAgent()
}

export const agentRestarted: AgentFault = async (farm) => {
  await farm.killAgent('SIGTERM')
  await farm.startAgent()
}

/** Another copy of the product takes over, the recorder's scripts with it. */
export const agentUpgraded: AgentFault = async (farm) => {
  const next = await farm.copyProduct()
  await farm.killAgent('SIGTERM')
  await farm.sh(`${next}/tapedeck host sync`)
  await farm.startAgent('connected', next)
}

/** Throws with what is not as it should be. `round` names the sessions: no two of one farm may have the same. */
export async function agentRound(
  farm: RecordedFarm,
  round: number,
  count: number,
  faults: readonly AgentFault[],
): Promise<void> {
  const mark = `round-${round}-`
  const stop = `/tmp/stop-${round}`
  const command = `i=0; until [ -e ${stop} ]; do echo ${mark}%d-$i; i=$((i + 1)); sleep 0.5; done; exit 9`
  const said = `/srv/said-${round}`
  const ssh = farm.ssh('ada', '--')
  const child = farm.start(['python3', script, String(count), said, command, ...ssh])
  let errors = ''
  child.stderr!.on('data', (chunk) => {
    errors += chunk
  })
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  const next = async () => {
    const { value, done } = await lines.next()
    if (done) throw new Error(`The sessions ended: ${errors}`)
    return value as string
  }
  await next()
  for (const fault of faults) await fault(farm)
  await farm.sh(`touch ${stop}`)
  const statuses = JSON.parse(await next()) as number[]
  if (statuses.some((status) => status !== 9)) throw new Error(`Sessions ended with ${statuses}.`)
  const rows = await farm.complete('i=0; until', count, { of: ({ command }) => command.includes(mark) })
  if (rows.length !== count) throw new Error(`${rows.length} recordings of ${count} sessions.`)
  for (const { id, command, gaps, proof } of rows) {
    const number = new RegExp(`${mark}(\\d+)-`).exec(command)![1]
    const [shown, recorded] = [await farm.run(['cat', `${said}/${number}`]), await farm.stored(id)]
    if (!shown.stdout.equals(recorded) || gaps > 0 || proof !== 'sealed')
      throw new Error(
        `Session ${number}: ${shown.stdout.length} bytes shown, ${recorded.length} recorded, ${gaps} gaps, ${proof}.`,
      )
  }
}
