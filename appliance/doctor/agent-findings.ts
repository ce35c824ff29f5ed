import { readFile, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { loadAgentConfig } from '../../agent/config.ts'
import { loadIdentity } from '../../agent/identity.ts'
import { keptFreeBytes } from '../../agent/queue/expiry.ts'
import { peekToken } from '../../format/token.ts'
import type { Home } from '../home.ts'
import { bytes } from '../print.ts'
import { type AgentStatus, askAgent } from '../status.ts'
import { clockFinding } from './clock-finding.ts'
import { desktopFindings } from './desktop-findings.ts'
import type { Finding } from './finding.ts'
import { lookAtServer } from './look-at-server.ts'

const dayMs = 86_400_000
/** Warned about so long before. */
const expiryWarnMs = 30 * dayMs
/** What waits for longer will not arrive by itself. */
const queueWarnMs = 3_600_000

/** Who it is, whether its farm can be reached, and what waits. */
export async function agentFindings(home: Home): Promise<Finding[]> {
  const findings: Finding[] = []
  const add = (level: Finding['level'], code: string, text: string, hint?: string) =>
    findings.push({ level, code, text, ...(hint && { hint }) })
  try {
    const { certificate, moved } = await loadIdentity(home.agent)
    const { until, agent } = peekToken(certificate, 'agent-certificate')
    const leftMs = until - Date.now()
    if (leftMs < expiryWarnMs)
      add(
        leftMs < 0 ? 'fail' : 'warn',
        'certificate',
        `The agent's certificate ends ${new Date(until).toISOString()}.`,
        'Enrol it again.',
      )
    else add('ok', 'identity', `Enrolled as ${agent}.`)
    if (moved)
      add(
        'warn',
        'clone',
        'This identity was given to another machine.',
        'The agent renews it when it connects.',
      )
  } catch (error) {
    add('fail', 'not-enrolled', (error as Error).message, "Use 'tapedeck agent enrol'.")
    return findings
  }
  findings.push(...(await farmFindings(home)), ...(await queueDisk(home)))
  let state: AgentStatus
  try {
    state = await askAgent(home)
  } catch (error) {
    add(
      'fail',
      'no-agent',
      (error as Error).message,
      "Start it: 'systemctl start tapedeck-agent', or 'tapedeck up'.",
    )
    return findings
  }
  const { connection, queue, sessions } = state
  if (connection.state === 'connected') add('ok', 'uplink', `Connected to ${connection.node}.`)
  else
    add(
      'fail',
      'uplink',
      `Not connected to the farm${connection.lastError ? `: ${connection.lastError}` : '.'}`,
      'What is recorded waits on this disk. Check the address in agent.json and the network.',
    )
  if ((queue.oldestMs ?? 0) > queueWarnMs)
    add(
      'warn',
      'queue',
      `${queue.bytes} bytes wait, the oldest for ${Math.round((queue.oldestMs ?? 0) / 60_000)} min.`,
    )
  const { coverage } = state
  if (coverage && coverage.unrecorded > 0)
    add(
      'fail',
      'unrecorded-login',
      `${coverage.unrecorded} of ${coverage.logins} logins are not recorded now.`,
      "The agent's log names them.",
    )
  add('ok', 'sessions', `${sessions.length} sessions are being recorded.`)
  return [...findings, ...(await desktopFindings(home, state))]
}

/** The agent's way to its farm, gone by ourselves. */
async function farmFindings(home: Home): Promise<Finding[]> {
  try {
    const { url, ca } = await loadAgentConfig(home.agent)
    const pem = ca === undefined ? undefined : await readFile(join(home.agent, ca), 'utf8')
    const { problem, status, endsMs, skewMs } = await lookAtServer(new URL('/healthz', url), pem)
    if (problem !== undefined || status !== 200)
      return [
        {
          level: 'fail',
          code: 'farm',
          text: `${url}: ${problem ?? `answers with ${status}`}`,
          hint: 'Check address, name and port in agent.json, the firewall, and the certificate of the farm.',
        },
      ]
    const findings: Finding[] = [{ level: 'ok', code: 'farm', text: `${url} answers.` }]
    if (endsMs !== undefined && endsMs - Date.now() < expiryWarnMs)
      findings.push({
        level: 'warn',
        code: 'farm-certificate',
        text: `The farm's TLS certificate ends ${new Date(endsMs).toISOString()}.`,
        hint: 'Whoever runs the farm renews it on every node.',
      })
    return [...findings, clockFinding('the farm', skewMs)]
  } catch (error) {
    return [
      { level: 'fail', code: 'agent-config', text: (error as Error).message, hint: 'Correct agent.json.' },
    ]
  }
}

async function queueDisk(home: Home): Promise<Finding[]> {
  const { bavail, blocks, bsize } = await statfs(home.agent)
  const [free, size] = [bavail * bsize, blocks * bsize]
  const least = keptFreeBytes(size)
  if (free > least)
    return [{ level: 'ok', code: 'queue-disk', text: `${bytes(free)} are free for the queue.` }]
  return [
    {
      level: 'fail',
      code: 'queue-disk',
      text: `${bytes(free)} are free in ${home.agent}: unsent data is given up to keep ${bytes(least)}.`,
      hint: 'Free some of the disk, or reach the farm again.',
    },
  ]
}
